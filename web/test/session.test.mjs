// The connection: greeting, heartbeat, renewal, and the rules for coming back.

import test from 'node:test';
import assert from 'node:assert/strict';
import { Page, chatting, types } from './harness.mjs';

const phase = (page) => page.state.link.phase;

function online() {
  const page = new Page();
  page.connect();
  page.welcome();
  return page;
}

test('the first frame is hello; welcome makes the page ask for its conversations', () => {
  const page = new Page();
  page.connect();
  const { token, device } = page.last('hello');
  assert.deepEqual({ token, device }, { token: 't1', device: 'web-test' });
  page.welcome();
  assert.equal(phase(page), 'online');
  assert.equal(page.sent('conversations').length, 1);
});

test('lost connections are tried again with growing, jittered pauses up to a limit', () => {
  const page = new Page();
  page.connect();
  const pauses = [];
  for (let i = 0; i < 10; i += 1) {
    page.do({ type: 'socket_closed', code: 1006, random: i % 2 });
    pauses.push(page.timer('backoff').ms);
    page.do({ type: 'timer', name: 'backoff' });
  }
  assert.deepEqual(pauses.slice(0, 4), [250, 1000, 1000, 4000]);
  assert.ok(Math.max(...pauses) <= 30_000);
});

test('a connection that held begins the pauses anew, one that fell at once does not', () => {
  const page = online();
  page.reconnect();
  page.welcome();
  page.do({ type: 'socket_closed', code: 1006, random: 1 });
  assert.equal(page.timer('backoff').ms, 1000);
  page.do({ type: 'timer', name: 'backoff' });
  page.do({ type: 'socket_open' });
  page.welcome();
  page.now += 60_000;
  page.do({ type: 'socket_closed', code: 1006, random: 1 });
  assert.equal(page.timer('backoff').ms, 500);
});

test('goodbye says when to come back', () => {
  const page = online();
  page.frame({ type: 'goodbye', reason: 'draining', reconnect_after_ms: 1200 });
  page.do({ type: 'socket_closed', code: 4000, random: 0.5 });
  assert.equal(page.timer('backoff').ms, 1450);
});

test('a goodbye without a time to come back means: stay away', () => {
  const page = online();
  page.frame({ type: 'goodbye', reason: 'kicked' });
  page.do({ type: 'socket_closed', code: 1000 });
  assert.equal(phase(page), 'stopped');
  assert.match(page.state.link.trouble, /kicked/);
});

for (const code of [1000, 1001, 1006, 1011, 4000, 4008]) {
  test(`close code ${code}: comes back`, () => {
    const page = online();
    page.reconnect(code);
    assert.equal(phase(page), 'greeting');
  });
}

test('close code 4029: comes back much later', () => {
  const page = online();
  page.do({ type: 'socket_closed', code: 4029, random: 0 });
  assert.ok(page.timer('backoff').ms >= 10_000);
});

test('close code 4001: stays away, on the sign-in page', () => {
  const page = online();
  const effects = page.do({ type: 'socket_closed', code: 4001 });
  assert.equal(phase(page), 'signed_out');
  assert.ok(types(effects).includes('forget_session'));
  assert.ok(page.state.link.trouble);
  assert.ok(!effects.some((e) => e.type === 'timer' && e.name === 'backoff'));
});

for (const code of [4003, 4009]) {
  test(`close code ${code}: stays away until a person acts`, () => {
    const page = online();
    const effects = page.do({ type: 'socket_closed', code });
    assert.equal(phase(page), 'stopped');
    assert.ok(!types(effects).includes('timer'));
    page.do({ type: 'network_up' });
    assert.equal(phase(page), 'stopped');
    const acted = types(page.do({ type: 'try_again' }));
    assert.equal(acted.includes('new_device'), code === 4003, 'two windows, two devices');
    assert.equal(phase(page), 'connecting');
  });
}

test('close code 4002: by name a new token is fetched and the page comes back', () => {
  const page = online();
  const effects = page.do({ type: 'socket_closed', code: 4002 });
  assert.ok(types(effects).includes('fetch_token'));
  page.do({ type: 'token', name: 'alice', token: 't2', expires: page.now + 3_600_000 });
  page.do({ type: 'socket_open' });
  assert.equal(page.last('hello').token, 't2');
});

test('close code 4002: with a pasted token the person is asked for a new one', () => {
  const page = new Page({ signIn: 'token' });
  page.connect();
  page.do({ type: 'socket_closed', code: 4002 });
  assert.equal(phase(page), 'signed_out');
});

test('a token is renewed before it ends, within the connection', () => {
  const page = online();
  const { ms } = page.timer('refresh');
  assert.ok(ms > 0 && ms < 3_600_000);
  page.now += ms;
  assert.deepEqual(types(page.do({ type: 'timer', name: 'refresh' })), ['fetch_token']);
  page.do({ type: 'token', name: 'alice', token: 't2', expires: page.now + 3_600_000 });
  assert.equal(page.last('refresh').token, 't2');
  assert.equal(phase(page), 'online');
});

test('a token that came too late for its person is not used', () => {
  const page = online();
  page.do({ type: 'sign_out' });
  page.do({ type: 'token', name: 'alice', token: 't2', expires: 0 });
  assert.equal(page.state.token, '');
});

test('a token that ended while the page was away is renewed before connecting', () => {
  const page = new Page();
  const effects = page.do({ type: 'signed_in', name: 'alice', token: 't1', expires: page.now - 1, saved: true });
  assert.deepEqual(types(effects).filter((t) => t !== 'cancel'), ['fetch_token']);
});

test('a ping goes out at every heartbeat; silence after it ends the connection', () => {
  const page = online();
  assert.equal(page.timer('ping').ms, 30_000);
  page.do({ type: 'timer', name: 'ping' });
  page.answer('ping', { type: 'pong' });
  assert.ok(page.effects.some((e) => e.type === 'cancel' && e.name === 'pong'));
  page.do({ type: 'timer', name: 'ping' });
  const effects = page.do({ type: 'timer', name: 'pong' });
  assert.ok(types(effects).includes('drop_socket'));
  assert.equal(phase(page), 'waiting');
});

test('a greeting that is refused: a bad token ends at the sign-in page, a busy server is tried again', () => {
  const page = new Page();
  page.connect();
  page.answer('hello', { type: 'error', code: 'unauthenticated', message: 'no', retry: false });
  assert.equal(phase(page), 'signed_out');
  page.connect();
  page.answer('hello', { type: 'error', code: 'busy', message: 'full', retry: true, retry_after_ms: 7_000 });
  assert.equal(phase(page), 'waiting');
  assert.ok(page.timer('backoff').ms >= 7_000);
});

test('creating a group whose answer was lost is asked again with the same client id', () => {
  const page = online();
  page.do({ type: 'create', frame: { kind: 'group', title: 'T', members: ['bob'], client_id: 'g1' } });
  page.reconnect();
  page.welcome();
  assert.deepEqual(page.sent('create').map((f) => f.client_id), ['g1', 'g1']);
});

test('a command whose answer was lost is not repeated: the person is told', () => {
  const page = chatting(1);
  page.do({ type: 'command', frame: { type: 'rename', conversation: 'c1', title: 'x' }, what: 'renaming the group' });
  page.do({ type: 'socket_closed', code: 1006 });
  assert.match(page.effects.findLast((e) => e.type === 'notice').text, /renaming the group/);
});

test('at most a window of questions is unanswered; the others follow in order', () => {
  const page = online();
  for (let i = 0; i < 40; i += 1) page.do({ type: 'create', frame: { kind: 'direct', members: [`u${i}`] } });
  assert.equal(page.sent('create').length, 16);
  const [first] = page.sent('create');
  page.frame({ type: 'error', id: first.id, code: 'not_found', message: 'no', retry: false });
  assert.deepEqual(page.last('create').members, ['u16']);
});
