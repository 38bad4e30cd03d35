// Order, gaps and paging: what a conversation shows and what it asks for.

import test from 'node:test';
import assert from 'node:assert/strict';
import { Page, chatting, direct, live, message, messages } from './harness.mjs';
import { merge } from '../js/log.js';

const pageOf = (items, head, more = false) => ({ type: 'page', of: 'messages', conversation: 'c1', items, head, more });

test('live messages are appended in the order of seq and duplicates are shown once', () => {
  const page = chatting(2);
  page.frame(live(3));
  page.frame(live(3));
  page.frame(live(4));
  page.frame(live(1));
  assert.deepEqual(page.seqs(), [1, 2, 3, 4]);
});

test('a gap is not shown: the missing part is asked for once and then everything is in order', () => {
  const page = chatting(2);
  const asked = page.frame(live(5));
  assert.deepEqual(asked.map(({ type, after }) => ({ type, after })), [{ type: 'sync', after: 2 }]);
  assert.deepEqual(page.frame(live(6)), [], 'one sync is on its way');
  assert.deepEqual(page.seqs(), [1, 2]);
  page.answer('sync', pageOf(messages(3, 5), 5));
  assert.equal(page.last('sync').after, 5, 'message 6 came meanwhile');
  page.answer('sync', pageOf(messages(6, 6), 6));
  assert.deepEqual(page.seqs(), [1, 2, 3, 4, 5, 6]);
});

test('a head frame makes the page sync up to it, page by page', () => {
  const page = chatting(2);
  page.frame({ type: 'head', conversation: 'c1', seq: 150 });
  page.answer('sync', pageOf(messages(3, 102), 150, true));
  assert.equal(page.last('sync').after, 102);
  page.answer('sync', pageOf(messages(103, 150), 150));
  assert.equal(page.seqs().length, 150);
  assert.equal(page.sent('sync').length, 2);
});

test('a sync page without anything new does not make the page ask for ever', () => {
  const page = chatting(2);
  page.frame({ type: 'head', conversation: 'c1', seq: 9 });
  assert.deepEqual(page.answer('sync', pageOf([], 9)), []);
});

test('a head or a jump in a conversation with nothing loaded asks for the conversation itself', () => {
  const page = new Page();
  page.connect();
  page.welcome([direct({ head: 3, delivered: 3, read: 3 })]);
  assert.equal(page.frame({ type: 'head', conversation: 'c1', seq: 5 })[0].type, 'conversation');
  page.answer('conversation', { type: 'conversation', conversation: direct({ head: 5, delivered: 3, read: 3 }) });
  assert.equal(page.last('history').before, 6, 'what is undelivered is fetched');
});

test('a message of an unknown conversation makes the page ask for it', () => {
  const page = new Page();
  page.connect();
  page.welcome([]);
  assert.deepEqual(page.frame(live(1)).map((f) => f.type), ['conversation']);
  page.answer('conversation', { type: 'conversation', conversation: direct({ head: 1, last: message(1) }) });
  assert.equal(page.last('presence.watch').users[0], 'bob');
  page.answer('history', pageOf(messages(1, 1), 1));
  assert.deepEqual(page.seqs(), [1]);
});

test('live messages that come before the newest page fit onto it', () => {
  const page = new Page();
  page.connect();
  page.welcome([direct({ head: 60, delivered: 10, read: 10 })]);
  assert.equal(page.last('history').before, 61);
  page.frame(live(61));
  page.answer('history', pageOf(messages(11, 60), 61, true));
  assert.deepEqual([page.seqs()[0], page.seqs().at(-1), page.seqs().length], [11, 61, 51]);
});

test('scrolling up asks for what lies before the first message, until the start', () => {
  const page = chatting(0);
  page.frame({ type: 'head', conversation: 'c1', seq: 120 });
  page.answer('conversation', { type: 'conversation', conversation: direct({ head: 120 }) });
  page.answer('history', pageOf(messages(71, 120), 120, true));
  page.do({ type: 'load_older', conversation: 'c1' });
  page.do({ type: 'load_older', conversation: 'c1' });
  assert.equal(page.last('history').before, 71);
  assert.equal(page.sent('history').filter((f) => f.before === 71).length, 1, 'asked once');
  page.answer('history', pageOf(messages(21, 70), 120, true));
  page.do({ type: 'load_older', conversation: 'c1' });
  page.answer('history', pageOf(messages(1, 20), 120, false));
  assert.equal(page.conversation().at_start, true);
  assert.deepEqual(page.seqs(), messages(1, 120).map((m) => m.seq));
  assert.deepEqual(page.do({ type: 'load_older', conversation: 'c1' }), []);
});

test('after a reconnect each loaded stretch that is behind is synced', () => {
  const page = chatting(4);
  page.reconnect();
  page.welcome([direct({ head: 7, delivered: 4, read: 4 })]);
  assert.equal(page.last('sync').after, 4);
});

test('a stretch that was left and entered again begins anew instead of showing a gap', () => {
  const page = chatting(4);
  page.frame(live(9));
  page.answer('sync', pageOf(messages(8, 9), 9));
  assert.deepEqual(page.seqs(), [8, 9]);
});

test('being removed ends the conversation, being added again brings it back', () => {
  const page = chatting(2);
  const membership = (seq, change) => live(seq, { kind: 'membership', from: 'bob', body: { change, users: ['alice'] } });
  page.frame(membership(3, 'removed'));
  assert.equal(page.conversation().gone, true);
  page.frame(membership(7, 'added'));
  page.answer('conversation', { type: 'conversation', conversation: direct({ head: 7, first: 7 }) });
  assert.equal(page.conversation().gone, false);
  page.answer('sync', pageOf([message(7, { kind: 'membership', body: { change: 'added', users: ['alice'] } })], 7));
  assert.deepEqual(page.seqs(), [7]);
});

test('a conversation that is no longer in the list is forgotten', () => {
  const page = chatting(2);
  page.reconnect();
  page.welcome([]);
  assert.equal(page.state.conversations.size, 0);
  assert.equal(page.state.open, null);
});

test('merge never leaves a gap or a duplicate, whatever comes', () => {
  let seed = 7;
  const roll = (n) => { seed = (seed * 1103515245 + 12345) % 2147483648; return seed % n; };
  let log = [];
  for (let i = 0; i < 5000; i += 1) {
    const from = 1 + roll(60);
    log = merge(log, messages(from, from + roll(12))).messages;
    log.forEach((m, at) => assert.equal(m.seq, log[0].seq + at));
    if (roll(50) === 0) log = [];
  }
});
