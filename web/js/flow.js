// How messages come in: live ones, pages, and what to ask for when something is missing.
//
// Guarantees: a conversation shows its messages strictly by `seq` with none missing in between.
// Whatever shows that something is missing (a jump in `seq`, a `head`, a higher head in the list)
// makes exactly the missing part be asked for, one question at a time.
// Not guaranteed: that older messages are loaded; they are asked for when a person wants them.

import { ask } from './requests.js';
import { highest, lowest, merge } from './log.js';
import { refresh } from './conversations.js';
import { mark } from './people.js';
import * as outbox from './outbox.js';

const MESSAGE_PAGE = 50;
const SYNC_PAGE = 100;
const FEW_LOADED = 30;

/** Asks for what is missing: the way from the loaded stretch to the head, or the newest part when nothing is loaded. */
export function catchUp(ctx, c) {
  if (c.gone) return;
  if (c.messages.length > 0) sync(ctx, c);
  else if (ctx.state.open === c.id || c.head > Math.max(c.delivered, c.first - 1)) tail(ctx, c);
}

/** Asks one thing about a conversation unless it is already being asked. */
export function once(ctx, c, what, frame) {
  if (c.busy.has(what)) return;
  if (ask(ctx, frame, { kind: what, conversation: c.id, from: frame.before ?? frame.after ?? null })) {
    c.busy.add(what);
  }
}

function sync(ctx, c) {
  const after = highest(c.messages);
  if (c.head <= after) return;
  once(ctx, c, 'sync', { type: 'sync', conversation: c.id, after, limit: SYNC_PAGE });
}

function tail(ctx, c) {
  if (c.head < c.first) return;
  once(ctx, c, 'tail', { type: 'history', conversation: c.id, before: c.head + 1, limit: MESSAGE_PAGE });
}

/** Asks for what lies before the loaded stretch. */
export function older(ctx, c) {
  if (c.messages.length === 0 || c.at_start) return;
  const before = lowest(c.messages);
  once(ctx, c, 'older', { type: 'history', conversation: c.id, before, limit: MESSAGE_PAGE });
}

/** A live message. */
export function arrived(ctx, id, message) {
  const c = ctx.state.conversations.get(id);
  if (!c || c.gone) {
    refresh(ctx, id);
    return;
  }
  c.epoch = ctx.state.link.epoch;
  const next = c.messages.length === 0 ? c.head + 1 : highest(c.messages) + 1;
  if (message.seq < next && c.messages.length === 0) return;
  if (message.seq <= next) {
    take(ctx, c, [message]);
    return;
  }
  moved(ctx, c, message.seq);
}

/** There is something up to `seq`. */
export function headMoved(ctx, { conversation, seq }) {
  const c = ctx.state.conversations.get(conversation);
  if (c && !c.gone) moved(ctx, c, seq);
  else refresh(ctx, conversation);
}

function moved(ctx, c, seq) {
  if (c.messages.length === 0 && seq > c.head) refresh(ctx, c.id);
  c.head = Math.max(c.head, seq);
  if (c.messages.length > 0) sync(ctx, c);
}

/** A page of messages came: of a `sync`, of the newest part (`tail`), or of older ones. */
export function paged(ctx, c, then, page) {
  const { kind } = then;
  c.busy.delete(kind);
  c.head = Math.max(c.head, page.head ?? 0);
  const empty = c.messages.length === 0;
  const expected = kind === 'older' && lowest(c.messages) === then.from;
  const { gap } = take(ctx, c, page.items);
  if (gap && kind === 'sync') {
    // What lies between is not ours to read (we left and came back): begin anew from here.
    c.messages = [];
    c.at_start = false;
    take(ctx, c, page.items);
  }
  if (expected && (gap || !page.more || page.items.length === 0)) c.at_start = true;
  if (kind === 'tail' && empty && !page.more) c.at_start = true;
  if (kind !== 'older' && page.items.length > 0) sync(ctx, c);
  if (ctx.state.open === c.id) fill(ctx, c);
}

/** Merges messages into the loaded stretch and does what each of them asks for. */
function take(ctx, c, items) {
  const top = highest(c.messages);
  const known = c.head;
  const merged = merge(c.messages, items);
  c.messages = merged.messages;
  if (c.messages.length > 0 && lowest(c.messages) <= c.first) c.at_start = true;
  const now = highest(c.messages);
  c.head = Math.max(c.head, now);
  if (now > 0 && now >= (c.last?.seq ?? 0)) c.last = c.messages[c.messages.length - 1];
  outbox.seen(ctx, c, merged.added);
  for (const m of merged.added) {
    const fresh = m.seq > known || (top > 0 && m.seq > top);
    if (fresh && m.kind === 'membership') changed(ctx, c, m);
  }
  if (now > top) mark(ctx, c);
  return merged;
}

/** A membership entry that came while we watch. */
function changed(ctx, c, message) {
  const { state } = ctx;
  const { change, users = [], role, title } = message.body ?? {};
  const me = users.includes(state.me);
  if (change === 'renamed') c.title = title ?? c.title;
  if (change === 'role' && me) c.role = role ?? c.role;
  if ((change === 'removed' && me) || (change === 'left' && message.from === state.me)) {
    c.gone = true;
    return;
  }
  refresh(ctx, c.id);
}

/** My own send was accepted as this message; it is merged like one that came live. */
export function sent(ctx, id, message) {
  if (!ctx.state.conversations.has(id)) return;
  arrived(ctx, id, message);
  outbox.seen(ctx, ctx.state.conversations.get(id), []);
}

/** Loads more when little is loaded, so that the page has something to show. */
export function fill(ctx, c) {
  if (c.messages.length > 0 && c.messages.length < FEW_LOADED) older(ctx, c);
}
