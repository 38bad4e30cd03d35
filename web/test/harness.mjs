// Drives the pure core with plain objects: a page that is online, and a look at what it does.

import { newState, reduce } from '../js/core.js';

/** A page under test, with a clock that only moves when told. */
export class Page {
  constructor({ signIn = 'name' } = {}) {
    this.state = newState({ device: 'web-test', signIn });
    this.now = Date.parse('2030-01-01T00:00:00.000Z');
    this.effects = [];
  }

  /** Puts an event in; returns its effects and keeps them all. */
  do(event) {
    const effects = reduce(this.state, { ...event, now: this.now, random: event.random ?? 0.5 });
    this.effects.push(...effects);
    return effects;
  }

  /** A frame from the server; returns the frames it makes the page send. */
  frame(frame) {
    return frames(this.do({ type: 'frame', frame }));
  }

  /** The newest frame of a type that the page sent. */
  last(type) {
    return frames(this.effects).findLast((frame) => frame.type === type);
  }

  /** All frames of a type that the page sent. */
  sent(type) {
    return frames(this.effects).filter((frame) => frame.type === type);
  }

  /** The newest timer of a name that was set. */
  timer(name) {
    return this.effects.findLast((effect) => effect.type === 'timer' && effect.name === name);
  }

  /** Signs in as alice and opens the socket. */
  connect(expires = this.now + 3_600_000) {
    this.do({ type: 'signed_in', name: 'alice', token: 't1', expires });
    this.do({ type: 'socket_open' });
  }

  /** The server's welcome to the newest hello, then the list of conversations. */
  welcome(items = [], saved = []) {
    this.frame({
      type: 'welcome', id: this.last('hello').id, user: 'alice', time: new Date(this.now).toISOString(), heartbeat_ms: 30_000,
    });
    this.do({ type: 'outbox_restored', entries: saved });
    this.answer('conversations', { type: 'page', of: 'conversations', items, next: null });
  }

  /** Answers the newest frame of a type. */
  answer(type, frame) {
    return this.frame({ ...frame, id: this.last(type).id });
  }

  /** Loses the connection and comes back to an open socket. */
  reconnect(code = 1006) {
    this.do({ type: 'socket_closed', code });
    this.do({ type: 'timer', name: 'backoff' });
    this.do({ type: 'socket_open' });
  }

  conversation(id = 'c1') {
    return this.state.conversations.get(id);
  }

  seqs(id = 'c1') {
    return this.conversation(id).messages.map((message) => message.seq);
  }
}

/** The frames among effects. */
export const frames = (effects) => effects.filter((e) => e.type === 'frame').map((e) => e.frame);

/** The types of effects. */
export const types = (effects) => effects.map((effect) => effect.type);

/** A message of bob, or of someone else. */
export const message = (seq, fields = {}) => ({
  seq, message_id: String(seq), kind: 'message', from: 'bob', time: '2030-01-01T00:00:00.000Z', body: { content_type: 'text/plain', text: `m${seq}` }, ...fields,
});

/** Messages from..to. */
export const messages = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => message(from + i));

/** A direct conversation with bob as the list has it. */
export const direct = (fields = {}) => ({
  conversation: 'c1', kind: 'direct', peer: 'bob', member_count: 2, role: 'member', head: 0, first: 1, delivered: 0, read: 0, ...fields,
});

/** A live message frame. */
export const live = (seq, fields = {}) => ({ type: 'message', conversation: 'c1', ...message(seq, fields) });

/** A page with c1 open and messages 1..head loaded. */
export function chatting(head) {
  const page = new Page();
  page.connect();
  page.welcome([direct({ head, delivered: head, read: head, last: head > 0 ? message(head) : undefined })]);
  page.do({ type: 'open', conversation: 'c1' });
  if (head > 0) page.answer('history', { type: 'page', of: 'messages', conversation: 'c1', items: messages(1, head), head, more: false });
  return page;
}
