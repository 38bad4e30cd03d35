// The whole page without the page: `reduce(state, event)` changes the state and returns what is to
// be done outside (effects). Deterministic: no clock, no randomness, no socket, no document; each
// event carries `now` (ms) and `random` (0..1). Tests drive it with plain objects.
//
// Events   signed_in, sign_out, socket_open, frame, socket_closed, timer, token, no_token,
//          outbox_restored, network_up, try_again, visible, and what a person asks for (below).
// Effects  open_socket, drop_socket, frame, timer, cancel, fetch_token, save_session,
//          forget_session, save_outbox, load_outbox, new_device, showing, notice, done.

import * as conversations from './conversations.js';
import * as flow from './flow.js';
import * as outbox from './outbox.js';
import * as people from './people.js';
import * as session from './session.js';
import { abandon, anyOlderThan, ask, newRequests, retryLater, retryNow, settle } from './requests.js';
import { words } from './words.js';

/** An unanswered question older than this means that the connection is not what it seems. */
const ANSWER_MS = 40_000;

/** The state of a page that nobody has signed in on. */
export function newState({ device, signIn = 'name' }) {
  return {
    device,
    signIn,
    name: '',
    me: '',
    token: '',
    expires: 0,
    link: session.newLink(),
    requests: newRequests(),
    unasked: [],
    conversations: new Map(),
    listed: false,
    refreshing: new Set(),
    open: null,
    visible: true,
    receiptsDue: false,
    outbox: [],
    restored: false,
    presence: new Map(),
    watched: new Set(),
  };
}

/** Takes one event in; returns the effects, in the order they are to be carried out. */
export function reduce(state, event) {
  const effects = [];
  const ctx = { state, now: event.now ?? 0, random: event.random ?? 0, emit: (effect) => effects.push(effect) };
  events[event.type]?.(ctx, event);
  return effects;
}

const known = (ctx, id, act) => {
  const c = ctx.state.conversations.get(id);
  if (c) act(c);
};

const events = {
  signed_in(ctx, { name, token, expires, saved }) {
    const { device, signIn, visible, open } = ctx.state;
    Object.assign(ctx.state, newState({ device, signIn }), { visible, open, name, token, expires });
    if (!saved) ctx.emit({ type: 'save_session' });
    session.connect(ctx);
  },
  sign_out(ctx) {
    lost(ctx);
    session.leave(ctx, '');
    ctx.state.open = null;
    ctx.emit({ type: 'showing', conversation: null });
  },
  socket_open: session.greet,
  frame: (ctx, { frame }) => received(ctx, frame),
  socket_closed(ctx, { code }) {
    if (['signed_out', 'stopped', 'waiting'].includes(ctx.state.link.phase)) return;
    lost(ctx);
    session.closed(ctx, code);
  },
  timer: (ctx, { name }) => timer(ctx, name),
  token: session.renewed,
  no_token: session.notRenewed,
  outbox_restored: (ctx, { entries }) => outbox.restore(ctx, entries),
  network_up: (ctx) => nudge(ctx),
  try_again(ctx) {
    if (ctx.state.link.stoppedBy === 4003) ctx.emit({ type: 'new_device' });
    session.connect(ctx);
  },
  visible(ctx, { visible }) {
    ctx.state.visible = visible;
    if (!visible) return;
    known(ctx, ctx.state.open, (c) => people.mark(ctx, c));
    if (ctx.state.link.phase === 'waiting') nudge(ctx);
  },

  // What a person asks for.
  open: (ctx, { conversation }) => conversations.show(ctx, conversation),
  load_older: (ctx, { conversation }) => known(ctx, conversation, (c) => flow.older(ctx, c)),
  load_members: (ctx, { conversation }) =>
    known(ctx, conversation, (c) => people.members(ctx, c)),
  more_members: (ctx, { conversation }) =>
    known(ctx, conversation, (c) => c.members_next && people.members(ctx, c, c.members_next)),
  compose: (ctx, { conversation, ...message }) =>
    known(ctx, conversation, (c) => outbox.compose(ctx, c, message)),
  send_again: (ctx, { conversation, ...message }) =>
    known(ctx, conversation, (c) => outbox.again(ctx, c, message)),
  give_up: (ctx, { client_message_id }) => outbox.drop(ctx, client_message_id),
  create: (ctx, { frame }) => person(ctx, { type: 'create', ...frame }, { kind: 'create' }),
  command: (ctx, { frame, what }) => person(ctx, frame, { kind: 'command', what, frame }),
};

/** Asks what a person wants at once, or says why not. */
function person(ctx, frame, then) {
  if (ask(ctx, frame, then)) return;
  ctx.emit({ type: 'notice', text: 'You are not connected right now. Please try again in a moment.' });
}

function timer(ctx, name) {
  const { phase } = ctx.state.link;
  if (name === 'backoff' && phase === 'waiting') session.connect(ctx);
  else if (name === 'handshake' && (phase === 'connecting' || phase === 'greeting')) dead(ctx);
  else if (name === 'ping' && phase === 'online') {
    if (anyOlderThan(ctx, ANSWER_MS)) dead(ctx);
    else session.probe(ctx);
  } else if (name === 'pong' && phase === 'online') dead(ctx);
  else if (name === 'refresh') session.refreshDue(ctx);
  else if (name === 'receipts') people.tellPositions(ctx);
  else if (name.startsWith('send:')) outbox.rested(ctx, name.slice(5));
  else if (name.startsWith('ask:')) retryNow(ctx, name);
}

/** The connection gives no sign of life: drop it and come back. */
function dead(ctx) {
  ctx.emit({ type: 'drop_socket' });
  lost(ctx);
  session.closed(ctx, 1006);
}

/** The network may be back: try now instead of waiting. */
function nudge(ctx) {
  const { phase } = ctx.state.link;
  if (phase === 'waiting') session.connect(ctx);
  else if (phase === 'online') session.probe(ctx);
}

/** The connection is gone, whatever comes next. */
function lost(ctx) {
  for (const name of ['ping', 'pong', 'handshake', 'refresh']) ctx.emit({ type: 'cancel', name });
  ctx.state.link.pongDue = false;
  conversations.lost(ctx);
  outbox.lost(ctx);
  for (const request of abandon(ctx)) {
    if (request.then.kind === 'create') ctx.state.unasked.push(request);
    if (request.then.kind === 'command') {
      ctx.emit({ type: 'notice', text: `The connection was lost. Please look whether this worked: ${request.then.what}.` });
    }
  }
}

function received(ctx, frame) {
  session.heard(ctx);
  const { state } = ctx;
  switch (frame.type) {
    case 'message': {
      const { type, conversation, ...message } = frame;
      flow.arrived(ctx, conversation, message);
      break;
    }
    case 'head':
      flow.headMoved(ctx, frame);
      break;
    case 'receipt':
      people.receipt(ctx, frame);
      break;
    case 'presence':
      state.presence.set(frame.user, { online: frame.online, last_seen: frame.last_seen });
      break;
    case 'goodbye':
      session.goodbye(ctx, frame);
      break;
    default:
      answered(ctx, frame);
  }
}

function answered(ctx, frame) {
  const request = settle(ctx, frame);
  if (!request) {
    if (frame.type === 'error') ctx.emit({ type: 'notice', text: words(frame) });
    return;
  }
  const { then } = request;
  if (frame.type === 'error') failed(ctx, request, frame);
  else answers[then.kind]?.(ctx, then, frame);
}

const pageOfMessages = (ctx, then, frame) =>
  known(ctx, then.conversation, (c) => flow.paged(ctx, c, then, frame));

const answers = {
  hello(ctx, _, frame) {
    const { state } = ctx;
    session.welcomed(ctx, frame);
    ctx.emit({ type: 'load_outbox' });
    conversations.list(ctx);
    for (const { frame: again, then } of state.unasked.splice(0)) ask(ctx, again, then);
    outbox.pump(ctx);
  },
  list: (ctx, _, frame) => conversations.listed(ctx, frame),
  item(ctx, then, { conversation }) {
    ctx.state.refreshing.delete(then.conversation);
    conversations.upsert(ctx, conversation);
    people.watchPeers(ctx);
  },
  create(ctx, _, { conversation }) {
    conversations.upsert(ctx, conversation);
    people.watchPeers(ctx);
    ctx.emit({ type: 'done', what: 'create' });
    conversations.show(ctx, conversation.conversation);
  },
  tail: pageOfMessages,
  older: pageOfMessages,
  sync: pageOfMessages,
  members: (ctx, then, frame) =>
    known(ctx, then.conversation, (c) => people.membersPaged(ctx, c, frame, then.from === null)),
  send(ctx, _, frame) {
    const message = outbox.accepted(ctx, frame);
    if (message) flow.sent(ctx, frame.conversation, message);
  },
  refresh: (ctx) => outbox.pump(ctx),
  command(ctx, { what, frame: { type, conversation } }, { seq }) {
    ctx.emit({ type: 'done', what });
    if (type === 'leave') known(ctx, conversation, (c) => { c.gone = true; });
    else if (seq) flow.headMoved(ctx, { conversation, seq });
  },
};

/** A question was refused. */
function failed(ctx, request, error) {
  const { kind, conversation } = request.then;
  if (kind === 'hello') {
    lost(ctx);
    session.refused(ctx, error);
  } else if (kind === 'send') {
    outbox.declined(ctx, request.then, error);
  } else if (kind === 'create' || kind === 'command') {
    ctx.emit({ type: 'notice', text: words(error) });
  } else if (!retryLater(ctx, request, error)) {
    known(ctx, conversation, (c) => c.busy.delete(kind));
    ctx.state.refreshing.delete(conversation);
    const hidden = error.code === 'not_found' || error.code === 'forbidden';
    if (conversation && hidden) unknown(ctx, conversation);
    else if (kind !== 'watch') ctx.emit({ type: 'notice', text: words(error) });
  }
}

/** The server does not know a conversation, or not for us. */
function unknown(ctx, id) {
  known(ctx, id, (c) => { c.gone = true; });
  if (ctx.state.open === id && !ctx.state.conversations.has(id)) conversations.show(ctx, null);
}
