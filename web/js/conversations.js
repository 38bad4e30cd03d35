// My conversations: the list, and the one that is shown.
//
// Guarantees: a conversation in the list is one the server named on this connection, or is being
// asked for; what the server says about it never takes a position back.
// Recovery: after every `welcome` the whole list is asked for again, what is no longer in it is
// forgotten, and each loaded stretch that is behind its head is synced.

import { ask } from './requests.js';
import { catchUp, fill } from './flow.js';
import { mark, members, ownPositions, TICK_MEMBERS, watchPeers } from './people.js';

const LIST_PAGE = 100;
const KEPT_CLOSED = 100;

function newConversation(id, now) {
  return {
    id,
    found: now,
    kind: 'direct',
    title: '',
    peer: '',
    member_count: 0,
    role: 'member',
    head: 0,
    first: 1,
    delivered: 0,
    read: 0,
    last: null,
    messages: [],
    at_start: false,
    busy: new Set(),
    positions: new Map(),
    members: [],
    members_next: null,
    membersKnown: false,
    gone: false,
    epoch: 0,
    told: { delivered: 0, read: 0 },
  };
}

/** What a conversation is called on the page. */
export function nameOf(conversation) {
  return conversation.kind === 'direct' ? conversation.peer : conversation.title || 'Group';
}

/** Conversations by their newest entry, most recent first. */
export function byRecency(state) {
  const time = (c) => (c.last ? Date.parse(c.last.time) || 0 : c.found);
  return [...state.conversations.values()].sort((a, b) => time(b) - time(a) || (a.id < b.id ? -1 : 1));
}

/** Asks for the list of conversations, from its beginning or from where a page ended. */
export function list(ctx, after = null) {
  ask(ctx, { type: 'conversations', known: [], limit: LIST_PAGE, after }, { kind: 'list' });
}

/** A page of the list came. */
export function listed(ctx, page) {
  const { state } = ctx;
  for (const item of page.items) upsert(ctx, item);
  if (page.next !== null && page.next !== undefined) {
    list(ctx, page.next);
  } else {
    state.listed = true;
    for (const c of [...state.conversations.values()]) {
      if (c.epoch !== state.link.epoch) state.conversations.delete(c.id);
    }
    if (state.open && !state.conversations.has(state.open)) show(ctx, null);
  }
  watchPeers(ctx);
}

/** Takes in what the server says about one conversation. */
export function upsert(ctx, item) {
  const { state } = ctx;
  const { epoch } = state.link;
  let c = state.conversations.get(item.conversation);
  if (!c) {
    c = newConversation(item.conversation, ctx.now);
    state.conversations.set(c.id, c);
  }
  c.kind = item.kind;
  c.title = item.title ?? '';
  c.peer = item.peer ?? '';
  c.member_count = item.member_count ?? c.member_count;
  c.role = item.role ?? c.role;
  c.first = Math.max(1, item.first ?? c.first);
  c.gone = false;
  c.head = Math.max(c.head, item.head ?? 0);
  if (c.epoch !== epoch) c.told = { delivered: 0, read: 0 };
  c.epoch = epoch;
  ownPositions(c, item);
  if (item.last && item.last.seq >= (c.last?.seq ?? 0)) c.last = item.last;
  catchUp(ctx, c);
  mark(ctx, c);
  if (state.open === c.id) opened(ctx, c);
  return c;
}

/** Asks for the conversation itself: it is unknown here, or has moved while nothing of it is loaded. */
export function refresh(ctx, id) {
  const { state } = ctx;
  if (state.refreshing.has(id)) return;
  const asked = ask(ctx, { type: 'conversation', conversation: id }, { kind: 'item', conversation: id });
  if (asked) state.refreshing.add(id);
}

/** Shows a conversation, or none. */
export function show(ctx, id) {
  const { state } = ctx;
  if (state.open !== id) {
    const old = state.conversations.get(state.open);
    if (old && old.messages.length > KEPT_CLOSED) {
      old.messages = old.messages.slice(-KEPT_CLOSED);
      old.at_start = false;
    }
  }
  state.open = id;
  ctx.emit({ type: 'showing', conversation: id });
  const c = state.conversations.get(id);
  if (c) {
    catchUp(ctx, c);
    opened(ctx, c);
  } else if (id && state.listed) {
    refresh(ctx, id);
  }
}

function opened(ctx, c) {
  if (c.messages.length > 0) mark(ctx, c);
  if (c.member_count <= TICK_MEMBERS) members(ctx, c);
  fill(ctx, c);
}

/** The connection is gone: no question about a conversation is on its way any more. */
export function lost(ctx) {
  const { state } = ctx;
  for (const c of state.conversations.values()) c.busy.clear();
  state.refreshing.clear();
  state.watched.clear();
  state.presence.clear();
  state.listed = false;
  state.receiptsDue = false;
  ctx.emit({ type: 'cancel', name: 'receipts' });
}
