// Receipts, unread counts, members and presence.

import test from 'node:test';
import assert from 'node:assert/strict';
import { Page, chatting, direct, frames, live, message, messages } from './harness.mjs';
import { raise, tick, unread } from '../js/receipts.js';

const receipt = (delivered, read, user = 'bob') => ({ type: 'receipt', conversation: 'c1', user, delivered, read });
const told = (page) => frames(page.do({ type: 'timer', name: 'receipts' }));

test('ticks go from sent to delivered to read and never back', () => {
  const page = chatting(3);
  const state = () => tick(page.conversation(), 'alice', 3).state;
  assert.equal(state(), 'sent');
  page.frame(receipt(3, 0));
  assert.equal(state(), 'delivered');
  page.frame(receipt(3, 3));
  assert.equal(state(), 'read');
  page.frame(receipt(1, 1));
  assert.equal(state(), 'read');
});

test('read implies delivered', () => {
  const positions = new Map();
  raise(positions, 'bob', { read: 5 });
  assert.deepEqual(positions.get('bob'), { delivered: 5, read: 5 });
});

test('the ticks of a group count the other members who could have the message', () => {
  const group = { kind: 'group', membersKnown: true, positions: new Map() };
  raise(group.positions, 'alice', { read: 9, join_seq: 1 });
  raise(group.positions, 'bob', { delivered: 4, read: 4, join_seq: 1 });
  raise(group.positions, 'carol', { delivered: 4, read: 0, join_seq: 1 });
  raise(group.positions, 'dave', { join_seq: 6 });
  assert.deepEqual(tick(group, 'alice', 4), { state: 'delivered', delivered: 2, read: 1, of: 2 });
  raise(group.positions, 'carol', { read: 4 });
  assert.equal(tick(group, 'alice', 4).state, 'read');
  assert.deepEqual(tick(group, 'alice', 7), { state: 'sent', delivered: 0, read: 0, of: 3 });
});

test('a message that arrives in the open, visible conversation is read; the server is told once for many', () => {
  const page = chatting(2);
  for (const seq of [3, 4, 5]) page.frame(live(seq));
  assert.deepEqual(told(page), [{ type: 'read', conversation: 'c1', seq: 5 }]);
  assert.deepEqual(told(page), []);
});

test('in a hidden window it is delivered, and read once the window is seen', () => {
  const page = chatting(2);
  page.do({ type: 'visible', visible: false });
  page.frame(live(3));
  assert.deepEqual(told(page), [{ type: 'delivered', conversation: 'c1', seq: 3 }]);
  assert.equal(unread(page.conversation(), 'alice'), 1);
  page.do({ type: 'visible', visible: true });
  assert.deepEqual(told(page), [{ type: 'read', conversation: 'c1', seq: 3 }]);
  assert.equal(unread(page.conversation(), 'alice'), 0);
});

test('a position the server may have missed is told again after a reconnect', () => {
  const page = chatting(2);
  page.frame(live(3));
  told(page);
  page.reconnect();
  page.welcome([direct({ head: 3, delivered: 2, read: 2 })]);
  assert.deepEqual(told(page), [{ type: 'read', conversation: 'c1', seq: 3 }]);
});

test('unread counts what others wrote: not my own messages, not membership entries', () => {
  const page = new Page();
  page.connect();
  page.welcome([direct({ head: 10, delivered: 6, read: 6, unread: 4 })]);
  assert.equal(unread(page.conversation(), 'alice'), 4);
  const items = [...messages(1, 8), message(9, { from: 'alice' }), message(10, { kind: 'membership' })];
  page.answer('history', { type: 'page', of: 'messages', conversation: 'c1', items, head: 10, more: false });
  assert.equal(unread(page.conversation(), 'alice'), 2);
});

test('what lies before a member joined is not unread', () => {
  assert.equal(unread({ read: 0, first: 51, head: 53, messages: [], last: null }, 'alice'), 3);
});

test('reading on another device of mine clears the count here', () => {
  const page = new Page();
  page.connect();
  page.welcome([direct({ head: 4, delivered: 4, read: 0 })]);
  page.frame(receipt(4, 4, 'alice'));
  assert.equal(unread(page.conversation(), 'alice'), 0);
});

test('the peers of direct conversations are watched, again after a reconnect', () => {
  const page = chatting(0);
  assert.deepEqual(page.last('presence.watch').users, ['bob']);
  page.frame({ type: 'presence', user: 'bob', online: true });
  assert.equal(page.state.presence.get('bob').online, true);
  page.reconnect();
  assert.equal(page.state.presence.size, 0, 'not known while offline');
  page.welcome([direct()]);
  assert.equal(page.sent('presence.watch').length, 2);
});

test('members give the ticks at load', () => {
  const page = chatting(3);
  page.answer('members', {
    type: 'page', of: 'members', next: null,
    items: [{ user: 'alice', role: 'member', join_seq: 0, delivered: 3, read: 3 }, { user: 'bob', role: 'member', join_seq: 0, delivered: 3, read: 2 }],
  });
  assert.equal(tick(page.conversation(), 'alice', 3).state, 'delivered');
  assert.equal(tick(page.conversation(), 'alice', 2).state, 'read');
});

test('the members of a group that has ticks are loaded to the last page', () => {
  const page = new Page();
  page.connect();
  page.welcome([direct({ kind: 'group', title: 'T', member_count: 201, head: 1, delivered: 1, read: 1 })]);
  page.do({ type: 'open', conversation: 'c1' });
  page.answer('members', { type: 'page', of: 'members', items: [{ user: 'alice', role: 'owner' }], next: 'alice' });
  assert.equal(page.conversation().membersKnown, false);
  assert.equal(page.last('members').after, 'alice');
  page.answer('members', { type: 'page', of: 'members', items: [{ user: 'bob', role: 'member' }], next: null });
  assert.equal(page.conversation().membersKnown, true);
  assert.deepEqual(page.conversation().members.map((m) => m.user), ['alice', 'bob']);
});

test('a membership entry renews the conversation and its members', () => {
  const page = chatting(2);
  page.frame(live(3, { kind: 'membership', body: { change: 'added', users: ['dave'] } }));
  assert.equal(page.last('conversation').conversation, 'c1');
});
