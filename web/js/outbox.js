// Messages this person wrote that are not yet known to be in the conversation.
//
// Guarantees: an entry is saved before it first goes out; it keeps its id and its `after` for ever;
// after a lost connection or a reload whatever had gone out unanswered goes out again with a higher
// `attempt`; within one conversation messages go out one by one, so they keep the order they were
// written in, also when one of them is refused for a moment.
// Not guaranteed: that a definite refusal heals; such an entry stays and is shown with its reason.

import { ask, pause } from './requests.js';
import { lowest } from './log.js';
import { words } from './words.js';

/** Entry states: queued (goes out next), in_flight, resting (refused for a moment), sent (has a seq), failed. */
function entry(ctx, conversation, { client_message_id, text }) {
  return {
    client_message_id,
    conversation: conversation.id,
    text,
    after: conversation.head,
    attempt: 0,
    on_wire: false,
    state: 'queued',
    created: ctx.now,
    tries: 0,
    seq: 0,
    reason: '',
  };
}

/** Takes a new message in and sends it when it can. */
export function compose(ctx, conversation, message) {
  ctx.state.outbox.push(entry(ctx, conversation, message));
  save(ctx);
  pump(ctx);
}

/** Entries of one conversation, in the order they were written. */
export function waiting(state, conversation) {
  return state.outbox.filter((e) => e.conversation === conversation);
}

/** Sends the first entry of every conversation that has none on its way. */
export function pump(ctx) {
  const { state } = ctx;
  if (state.link.phase !== 'online') return;
  const busy = new Set();
  for (const e of state.outbox) {
    if (e.state === 'sent' || e.state === 'failed' || busy.has(e.conversation)) continue;
    busy.add(e.conversation);
    if (e.state === 'queued') send(ctx, e);
  }
}

function send(ctx, e) {
  e.state = 'in_flight';
  e.on_wire = true;
  save(ctx);
  const { conversation, client_message_id, attempt, after, text } = e;
  const body = { content_type: 'text/plain', text };
  ask(ctx, { type: 'send', conversation, client_message_id, attempt, after, body }, { kind: 'send', client_message_id });
}

/** The message an entry has become, from its `sent` answer. */
export function accepted(ctx, frame) {
  const e = find(ctx, frame.client_message_id);
  if (!e) return undefined;
  e.state = 'sent';
  e.seq = frame.seq;
  save(ctx);
  pump(ctx);
  return {
    seq: frame.seq,
    message_id: frame.message_id,
    kind: 'message',
    from: ctx.state.me,
    client_message_id: e.client_message_id,
    time: frame.time,
    body: { content_type: 'text/plain', text: e.text },
  };
}

/** A send was answered with an error. */
export function declined(ctx, { client_message_id }, error) {
  const e = find(ctx, client_message_id);
  if (!e || e.state !== 'in_flight') return;
  const unknown = error.outcome === 'unknown' || error.code === 'unknown_outcome';
  const newToken = error.code === 'token_expired' || error.code === 'unauthenticated';
  if (unknown) e.attempt += 1;
  if (unknown || error.retry || newToken) {
    e.state = 'resting';
    ctx.emit({ type: 'timer', name: `send:${client_message_id}`, ms: pause(ctx, error, e.tries) });
    e.tries += 1;
    if (newToken && ctx.state.signIn === 'name') ctx.emit({ type: 'fetch_token', name: ctx.state.name });
  } else {
    e.state = 'failed';
    e.reason = words(error);
  }
  save(ctx);
  pump(ctx);
}

/** The rest after a refusal is over. */
export function rested(ctx, client_message_id) {
  const e = find(ctx, client_message_id);
  if (e?.state === 'resting') e.state = 'queued';
  pump(ctx);
}

/** The connection is gone: what was on its way has no answer and goes out again. */
export function lost(ctx) {
  for (const e of ctx.state.outbox) {
    if (e.state === 'in_flight') e.attempt += 1;
    if (e.state === 'resting') ctx.emit({ type: 'cancel', name: `send:${e.client_message_id}` });
    if (e.state === 'in_flight' || e.state === 'resting') e.state = 'queued';
  }
  save(ctx);
}

/** What is worth saving: everything that has no answer yet. */
export function toSave(state) {
  return state.outbox.filter((e) => e.state !== 'sent');
}

/** Takes back what an earlier life of this page had saved. */
export function restore(ctx, saved) {
  const known = new Set(ctx.state.outbox.map((e) => e.client_message_id));
  const back = saved
    .filter((e) => !known.has(e.client_message_id))
    .map((e) => {
      if (e.state === 'failed') return e;
      return { ...e, state: 'queued', tries: 0, attempt: e.on_wire ? e.attempt + 1 : e.attempt };
    });
  ctx.state.outbox = [...back, ...ctx.state.outbox];
  ctx.state.restored = true;
  pump(ctx);
}

/** Drops entries that the loaded stretch now shows, or that are known to lie before it. */
export function seen(ctx, conversation, added) {
  const { state } = ctx;
  if (waiting(state, conversation.id).length === 0) return;
  const mine = new Set(added.filter((m) => m.from === state.me).map((m) => m.client_message_id));
  const low = lowest(conversation.messages);
  const shown = (e) => mine.has(e.client_message_id) || (e.state === 'sent' && e.seq < low);
  const left = state.outbox.filter((e) => e.conversation !== conversation.id || !shown(e));
  if (left.length === state.outbox.length) return;
  state.outbox = left;
  save(ctx);
  pump(ctx);
}

/** Removes an entry that its person gave up. */
export function drop(ctx, client_message_id) {
  ctx.state.outbox = ctx.state.outbox.filter((e) => e.client_message_id !== client_message_id);
  save(ctx);
}

/** Sends a definitely refused message again, as a new one under a new id. */
export function again(ctx, conversation, { client_message_id, fresh_id }) {
  const e = find(ctx, client_message_id);
  if (e?.state !== 'failed') return;
  drop(ctx, client_message_id);
  compose(ctx, conversation, { client_message_id: fresh_id, text: e.text });
}

/** Saves, once what was saved before has been taken back (saving earlier would wipe it out). */
function save(ctx) {
  if (ctx.state.restored) ctx.emit({ type: 'save_outbox' });
}

function find(ctx, client_message_id) {
  return ctx.state.outbox.find((e) => e.client_message_id === client_message_id);
}
