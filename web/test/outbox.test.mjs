// Sending: what goes out, when it goes out again, and how it ends.

import test from 'node:test';
import assert from 'node:assert/strict';
import { Page, chatting, direct, live, message, messages } from './harness.mjs';
import { toSave } from '../js/outbox.js';

const compose = (page, id, text = id) => page.do({ type: 'compose', conversation: 'c1', client_message_id: id, text });
const accept = (page, seq) => {
  const { client_message_id } = page.last('send');
  return page.answer('send', { type: 'sent', conversation: 'c1', client_message_id, seq, message_id: String(seq), time: '2030-01-01T00:00:01.000Z' });
};
const refuse = (page, fields) => page.answer('send', { type: 'error', outcome: 'none', retry: false, ...fields });

test('a message is saved before it goes out, with attempt 0 and the head it knew', () => {
  const page = chatting(6);
  const effects = compose(page, 'k1', 'hello').map((e) => e.type);
  assert.ok(effects.indexOf('save_outbox') < effects.indexOf('frame'));
  const { client_message_id, attempt, after, body } = page.last('send');
  assert.deepEqual({ client_message_id, attempt, after, body }, {
    client_message_id: 'k1', attempt: 0, after: 6, body: { content_type: 'text/plain', text: 'hello' },
  });
});

test('a sent message becomes part of the conversation and leaves the outbox', () => {
  const page = chatting(6);
  compose(page, 'k1');
  accept(page, 7);
  assert.deepEqual(page.seqs(), [1, 2, 3, 4, 5, 6, 7]);
  assert.equal(page.conversation().messages.at(-1).from, 'alice');
  assert.equal(page.state.outbox.length, 0);
});

test('messages of one conversation go out one by one in the order they were written', () => {
  const page = chatting(0);
  for (const id of ['k1', 'k2', 'k3']) compose(page, id);
  assert.deepEqual(page.sent('send').map((f) => f.client_message_id), ['k1']);
  accept(page, 1);
  accept(page, 2);
  accept(page, 3);
  assert.deepEqual(page.sent('send').map((f) => f.client_message_id), ['k1', 'k2', 'k3']);
  assert.deepEqual(page.seqs(), [1, 2, 3]);
});

test('what is unanswered after a reconnect goes out again, same id, same after, attempt + 1', () => {
  const page = chatting(6);
  compose(page, 'k1');
  page.reconnect();
  page.welcome([direct({ head: 9, delivered: 6, read: 6 })]);
  const [first, second] = page.sent('send');
  assert.deepEqual({ ...second, id: 0 }, { ...first, id: 0, attempt: 1 });
  page.reconnect();
  page.welcome([direct({ head: 9, delivered: 6, read: 6 })]);
  assert.equal(page.last('send').attempt, 2);
});

test('a message written while offline goes out with attempt 0, after those written before it', () => {
  const page = chatting(0);
  page.do({ type: 'socket_closed', code: 1006 });
  compose(page, 'k1');
  assert.equal(page.sent('send').length, 0);
  page.do({ type: 'timer', name: 'backoff' });
  page.do({ type: 'socket_open' });
  page.welcome([direct()]);
  assert.equal(page.last('send').attempt, 0);
});

test('after a reload what had gone out comes back with attempt + 1 and what had not with 0', () => {
  const before = chatting(0);
  compose(before, 'k1');
  compose(before, 'k2');
  const saved = JSON.parse(JSON.stringify(toSave(before.state)));
  const page = new Page();
  page.connect();
  page.welcome([direct()], saved);
  assert.deepEqual([page.last('send').client_message_id, page.last('send').attempt], ['k1', 1]);
  accept(page, 1);
  assert.deepEqual([page.last('send').client_message_id, page.last('send').attempt], ['k2', 0]);
});

test('nothing is saved over an outbox that has not been read back yet', () => {
  const page = new Page();
  page.connect();
  page.do({ type: 'socket_closed', code: 1006 });
  assert.ok(!page.effects.some((e) => e.type === 'save_outbox'));
});

test('an answer that was lost: the message that comes by sync takes the place of the waiting one', () => {
  const page = chatting(2);
  compose(page, 'k1');
  page.reconnect();
  page.welcome([direct({ head: 3, delivered: 2, read: 2 })]);
  const again = page.last('send');
  page.answer('sync', {
    type: 'page', of: 'messages', conversation: 'c1', head: 3, more: false, items: [message(3, { from: 'alice', client_message_id: 'k1' })],
  });
  assert.equal(page.state.outbox.length, 0);
  page.frame({ type: 'sent', id: again.id, conversation: 'c1', client_message_id: 'k1', seq: 3, message_id: '3', time: message(3).time });
  assert.deepEqual(page.seqs(), [1, 2, 3]);
});

test('a sent message ahead of the loaded stretch waits for the sync and is shown once', () => {
  const page = chatting(2);
  compose(page, 'k1');
  accept(page, 5);
  assert.equal(page.last('sync').after, 2);
  assert.equal(page.state.outbox.length, 1, 'still shown as waiting');
  page.answer('sync', {
    type: 'page', of: 'messages', conversation: 'c1', head: 5, more: false,
    items: [...messages(3, 4), message(5, { from: 'alice', client_message_id: 'k1' })],
  });
  assert.equal(page.state.outbox.length, 0);
  assert.deepEqual(page.seqs(), [1, 2, 3, 4, 5]);
});

test('busy: the message rests, later ones wait behind it, and it goes out again with the same attempt', () => {
  const page = chatting(0);
  compose(page, 'k1');
  compose(page, 'k2');
  refuse(page, { code: 'busy', retry: true, retry_after_ms: 400 });
  assert.ok(page.timer('send:k1').ms >= 400);
  assert.equal(page.sent('send').length, 1);
  page.do({ type: 'timer', name: 'send:k1' });
  assert.deepEqual([page.last('send').client_message_id, page.last('send').attempt], ['k1', 0]);
});

test('unknown outcome: the same id goes out again with attempt + 1', () => {
  const page = chatting(0);
  compose(page, 'k1');
  refuse(page, { code: 'unknown_outcome', outcome: 'unknown' });
  page.do({ type: 'timer', name: 'send:k1' });
  assert.deepEqual([page.last('send').client_message_id, page.last('send').attempt], ['k1', 1]);
});

test('a definite refusal is shown with its reason and does not hold up the next message', () => {
  const page = chatting(0);
  compose(page, 'k1');
  compose(page, 'k2');
  refuse(page, { code: 'forbidden', message: 'You are blocked.' });
  assert.equal(page.state.outbox[0].state, 'failed');
  assert.equal(page.state.outbox[0].reason, 'You are blocked.');
  assert.equal(page.last('send').client_message_id, 'k2');
  accept(page, 1);
  page.do({ type: 'send_again', conversation: 'c1', client_message_id: 'k1', fresh_id: 'k3' });
  assert.deepEqual([page.last('send').client_message_id, page.last('send').attempt], ['k3', 0]);
});

test('a live message and a sent answer keep the order of seq', () => {
  const page = chatting(0);
  compose(page, 'k1');
  page.frame(live(1));
  accept(page, 2);
  page.frame(live(3));
  assert.deepEqual(page.conversation().messages.map((m) => m.from), ['bob', 'alice', 'bob']);
});
