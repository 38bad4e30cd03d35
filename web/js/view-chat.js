// The right pane: one conversation with its messages, ticks and composer.

import { lowest } from './log.js';
import { nameOf } from './conversations.js';
import { waiting } from './outbox.js';
import { tick } from './receipts.js';
import { bodyText, membershipLine, tickWords } from './words.js';
import { $, clock, day, el, reconcile, setText } from './dom.js';
import { uuidv7 } from './uuid.js';

const NEAR_PX = 80;
const OLDER_PX = 300;
const MARKS = { pending: '', sent: '✓', delivered: '✓✓', read: '✓✓', failed: '!' };

/** The open conversation. `back()` leaves it on a narrow window. */
export class ChatView {
  constructor(state, dispatch, back) {
    this.state = state;
    this.dispatch = dispatch;
    this.shown = null;
    this.drafts = new Map();
    this.atEnd = true;
    this.lowest = 0;
    this.newest = undefined;
    $('back').addEventListener('click', back);
    $('older').addEventListener('click', () => this.#older());
    $('newest').addEventListener('click', () => this.#toEnd());
    $('messages').addEventListener('scroll', () => this.#scrolled(), { passive: true });
    $('composer-form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#send();
    });
    $('composer').addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#send();
    });
    $('composer').addEventListener('input', fit);
    new ResizeObserver(() => this.atEnd && this.#toEnd()).observe($('messages'));
  }

  render() {
    const { state } = this;
    const c = state.conversations.get(state.open);
    $('chat').hidden = !c;
    $('nothing-open').hidden = Boolean(c);
    if (this.shown !== (c?.id ?? null)) this.#change(c);
    if (!c) return;
    const before = this.#measure();
    this.#head(c);
    $('older').hidden = c.at_start || c.messages.length === 0;
    $('older').disabled = c.busy.has('older');
    $('messages').setAttribute('aria-busy', String(c.busy.has('older') || c.busy.has('tail')));
    $('no-messages').hidden = c.messages.length > 0 || c.busy.has('tail') || waiting(state, c.id).length > 0;
    $('composer-form').hidden = c.gone;
    $('gone').hidden = !c.gone;
    this.#rows(c, before);
  }

  /** How the list stands before it changes. */
  #measure() {
    const { scrollHeight, scrollTop } = $('messages');
    return { scrollHeight, scrollTop, lowest: this.lowest, newest: this.newest };
  }

  /** Another conversation is shown: keep the old draft, begin at the end. */
  #change(c) {
    const composer = $('composer');
    if (this.shown) this.drafts.set(this.shown, composer.value);
    this.shown = c?.id ?? null;
    $('rows').replaceChildren();
    this.lowest = 0;
    this.newest = undefined;
    this.atEnd = true;
    $('newest').hidden = true;
    if (!c) return;
    composer.value = this.drafts.get(c.id) ?? '';
    fit();
    // The composer is drawn before it can have the focus; on a touch screen that would raise the keyboard.
    $('composer-form').hidden = c.gone;
    if (matchMedia('(hover: hover)').matches) composer.focus();
  }

  #head(c) {
    const { state } = this;
    setText($('chat-name'), nameOf(c));
    $('details').hidden = c.kind !== 'group';
    let about = `${c.member_count} members`;
    if (c.kind === 'direct') {
      const presence = state.presence.get(c.peer);
      about = presence?.online ? 'online' : seen(presence?.last_seen);
    }
    setText($('chat-about'), about);
  }

  #rows(c, before) {
    const box = $('messages');
    const rows = this.#list(c);
    reconcile($('rows'), rows, make, (node, row) => this.#draw(node, row));
    this.lowest = lowest(c.messages);
    this.newest = rows.at(-1)?.key;
    const grown = this.newest !== before.newest;
    if (this.atEnd || (grown && rows.at(-1)?.mine)) {
      this.#toEnd();
    } else if (this.lowest < before.lowest) {
      // Older rows came in above: what was being read stays where it is.
      box.scrollTop = before.scrollTop + box.scrollHeight - before.scrollHeight;
    } else if (grown) {
      $('newest').hidden = false;
    }
  }

  /** All rows of a conversation: days, messages, membership entries, and what is not sent yet. */
  #list(c) {
    const { state } = this;
    const rows = [];
    let date = '';
    let from = '';
    for (const m of c.messages) {
      const today = day(m.time);
      if (today !== date) {
        rows.push(sign({ key: `d${today}`, kind: 'day', text: today }));
        date = today;
        from = '';
      }
      if (m.kind === 'membership') {
        rows.push(sign({ key: `s${m.seq}`, kind: 'system', seq: m.seq, text: membershipLine(m, state.me) }));
        from = '';
        continue;
      }
      const mine = m.from === state.me;
      rows.push(sign({
        key: mine && m.client_message_id ? m.client_message_id : `s${m.seq}`,
        kind: 'message',
        seq: m.seq,
        from: m.from,
        mine,
        first: from !== m.from,
        named: !mine && c.kind === 'group' && from !== m.from,
        text: bodyText(m.body),
        time: m.time,
        tick: mine ? tick(c, state.me, m.seq) : null,
      }));
      from = m.from;
    }
    for (const e of waiting(state, c.id)) rows.push(sign(waitingRow(e, state.me, from)));
    return rows;
  }

  #draw(node, row) {
    node.className = row.kind;
    if (row.seq) node.dataset.seq = String(row.seq);
    if (row.kind !== 'message') {
      node.dataset.testid = row.kind;
      setText(node, row.text);
      return;
    }
    node.dataset.testid = 'message';
    node.dataset.from = row.from;
    node.classList.add(row.mine ? 'mine' : 'theirs');
    node.classList.toggle('first', row.first);
    node.classList.toggle('failed', row.tick?.state === 'failed');
    const meta = el('span', { className: 'meta' }, el('time', { dateTime: row.time, text: clock(row.time) }));
    if (row.tick) meta.append(mark(row.tick));
    node.replaceChildren(
      row.named ? el('bdi', { className: 'from', text: row.from }) : '',
      el('span', { className: 'text', dir: 'auto', text: row.text, data: { testid: 'text' } }),
      meta,
      row.tick?.state === 'failed' ? this.#reason(row) : '',
    );
  }

  /** Why a message was not sent, and what can be done about it. */
  #reason(row) {
    const again = el('button', { className: 'small', type: 'button', text: 'Try again' });
    const discard = el('button', { className: 'small', type: 'button', text: 'Discard' });
    const client_message_id = row.key;
    again.addEventListener('click', () =>
      this.dispatch({ type: 'send_again', conversation: this.shown, client_message_id, fresh_id: uuidv7(Date.now()) }));
    discard.addEventListener('click', () => this.dispatch({ type: 'give_up', client_message_id }));
    return el('span', { className: 'reason' }, el('span', { text: row.reason }), again, discard);
  }

  #send() {
    const composer = $('composer');
    const text = composer.value.trim();
    const { state } = this;
    if (!text || !this.shown) return;
    if (new TextEncoder().encode(text).length > state.link.bodyBytes) {
      this.dispatch({ type: 'say', text: 'This message is too long. Please send it in parts.' });
      return;
    }
    composer.value = '';
    fit();
    composer.focus();
    this.dispatch({ type: 'compose', conversation: this.shown, client_message_id: uuidv7(Date.now()), text });
  }

  #scrolled() {
    const box = $('messages');
    this.atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_PX;
    if (this.atEnd) $('newest').hidden = true;
    if (box.scrollTop < OLDER_PX && box.scrollHeight > box.clientHeight) this.#older();
  }

  #older() {
    this.dispatch({ type: 'load_older', conversation: this.shown });
  }

  #toEnd() {
    $('messages').scrollTop = $('messages').scrollHeight;
    $('newest').hidden = true;
    this.atEnd = true;
  }
}

const sign = (row) => ({ ...row, sign: JSON.stringify(row) });

const make = () => el('li');

function waitingRow(e, me, before) {
  const state = { sent: 'sent', failed: 'failed' }[e.state] ?? 'pending';
  return {
    key: e.client_message_id,
    kind: 'message',
    seq: 0,
    from: me,
    mine: true,
    first: before !== me,
    text: e.text,
    time: new Date(e.created).toISOString(),
    tick: { state },
    reason: e.reason,
  };
}

/** The tick of one's own message; in a group with how many of the others have it. */
function mark(of) {
  const words = tickWords(of);
  const node = el('span', { className: 'tick', role: 'img', title: words, text: MARKS[of.state] });
  node.setAttribute('aria-label', words);
  node.dataset.testid = 'tick';
  node.dataset.state = of.state;
  if (of.of === undefined) return node;
  const count = of.read > 0 ? of.read : of.delivered;
  const counts = el('span', { className: 'counts', text: ` ${count} of ${of.of}`, data: { testid: 'counts' } });
  counts.title = words;
  return el('span', {}, node, counts);
}

/** Makes the composer as high as its text. */
function fit() {
  const composer = $('composer');
  composer.style.height = 'auto';
  composer.style.height = `${composer.scrollHeight + 2}px`;
}

/** When a peer was last seen. */
function seen(time) {
  if (!time) return '';
  return `last seen ${day(time) === 'Today' ? clock(time) : day(time)}`;
}
