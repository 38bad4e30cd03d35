// The people of a conversation: how far each has received and read, who is a member, who is online.
//
// Guarantees: positions only rise; the server is told of a new position soon, and again after a
// lost connection if it does not have it.
// Not guaranteed: that the state of a peer who is not watched (beyond the server's limit) is known.

import { ask } from './requests.js';
import { highest } from './log.js';
import { raise } from './receipts.js';
import { byRecency } from './conversations.js';
import { once } from './flow.js';

const MEMBER_PAGE = 200;
const RECEIPT_PAUSE_MS = 100;

/** Groups above this size have no ticks of single members. */
export const TICK_MEMBERS = 256;

/** Raises this user's own positions, and what the server is known to have of them. */
export function ownPositions(c, { delivered = 0, read = 0 }) {
  c.read = Math.max(c.read, read);
  c.delivered = Math.max(c.delivered, delivered, c.read);
  c.told.read = Math.max(c.told.read, read);
  c.told.delivered = Math.max(c.told.delivered, delivered, read);
}

/** Someone's positions rose. */
export function receipt(ctx, frame) {
  const c = ctx.state.conversations.get(frame.conversation);
  if (!c) return;
  if (frame.user === ctx.state.me) ownPositions(c, frame);
  raise(c.positions, frame.user, { delivered: frame.delivered, read: frame.read });
}

/** Sees to it that the server learns how far this device has received and read. */
export function mark(ctx, c) {
  const { state } = ctx;
  const top = highest(c.messages);
  c.delivered = Math.max(c.delivered, top);
  if (state.open === c.id && state.visible) c.read = Math.max(c.read, top);
  if (state.receiptsDue || (c.delivered <= c.told.delivered && c.read <= c.told.read)) return;
  state.receiptsDue = true;
  ctx.emit({ type: 'timer', name: 'receipts', ms: RECEIPT_PAUSE_MS });
}

/** Tells the server all positions it does not have yet. */
export function tellPositions(ctx) {
  const { state } = ctx;
  state.receiptsDue = false;
  if (state.link.phase !== 'online') return;
  for (const c of state.conversations.values()) {
    if (c.gone || c.epoch !== state.link.epoch) continue;
    if (c.read > c.told.read) {
      ctx.emit({ type: 'frame', frame: { type: 'read', conversation: c.id, seq: c.read } });
      c.told.read = c.read;
      c.told.delivered = Math.max(c.told.delivered, c.read);
    }
    if (c.delivered > c.told.delivered) {
      ctx.emit({ type: 'frame', frame: { type: 'delivered', conversation: c.id, seq: c.delivered } });
      c.told.delivered = c.delivered;
    }
  }
}

/** Asks for the members: the first page anew, or the page after the last one. */
export function members(ctx, c, after = null) {
  if (c.gone) return;
  once(ctx, c, 'members', { type: 'members', conversation: c.id, limit: MEMBER_PAGE, after });
}

/** A page of members came. */
export function membersPaged(ctx, c, page, first) {
  c.busy.delete('members');
  if (first) {
    const old = c.positions;
    c.positions = new Map();
    for (const { user } of page.items) if (old.has(user)) c.positions.set(user, old.get(user));
    c.members = [];
  }
  for (const { user, role, join_seq, delivered, read } of page.items) {
    raise(c.positions, user, { role, join_seq, delivered, read });
    c.members.push({ user, role });
  }
  c.members_next = page.next ?? null;
  if (c.member_count > TICK_MEMBERS) c.membersKnown = false;
  else if (c.members_next) members(ctx, c, c.members_next);
  else c.membersKnown = true;
}

/** Watches the presence of the peers of direct conversations, as many as the server allows. */
export function watchPeers(ctx) {
  const { state } = ctx;
  const users = [];
  for (const c of byRecency(state)) {
    if (c.kind !== 'direct' || !c.peer || state.watched.has(c.peer)) continue;
    if (state.watched.size >= state.link.watchUsers) break;
    state.watched.add(c.peer);
    users.push(c.peer);
  }
  if (users.length > 0) ask(ctx, { type: 'presence.watch', users }, { kind: 'watch' });
}
