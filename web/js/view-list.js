// The left pane: who I am, how the connection is, my conversations, and how to start one.

import { byRecency, nameOf } from './conversations.js';
import { unread } from './receipts.js';
import { connectionWords, names, preview } from './words.js';
import { $, clock, day, disc, el, reconcile, setText } from './dom.js';
import { uuidv7 } from './uuid.js';

/** The list of conversations. `open(id)` shows one. */
export class ListView {
  constructor(state, dispatch, open) {
    this.state = state;
    this.dispatch = dispatch;
    this.open = open;
    $('sign-out').addEventListener('click', () => dispatch({ type: 'sign_out' }));
    $('try-again').addEventListener('click', () => dispatch({ type: 'try_again' }));
    $('direct-form').addEventListener('submit', (event) => this.#startDirect(event));
    $('new-group').addEventListener('click', () => {
      $('group-form').reset();
      this.groupId = uuidv7(Date.now());
      $('group-dialog').showModal();
    });
    $('group-form').addEventListener('submit', (event) => this.#startGroup(event));
  }

  /** What was asked for here is done. */
  done() {
    $('direct-name').value = '';
    $('group-dialog').close();
  }

  render() {
    const { state } = this;
    const { link } = state;
    setText($('me'), state.me || state.name);
    setText($('connection'), connectionWords(link));
    $('connection').dataset.state = link.phase;
    $('try-again').hidden = link.phase !== 'stopped' && link.phase !== 'waiting';
    $('trouble').hidden = link.phase !== 'stopped';
    setText($('trouble'), link.trouble);
    const rows = byRecency(state).map((c) => this.#row(c));
    reconcile($('conversations'), rows, (row) => this.#make(row), draw);
    $('no-conversations').hidden = rows.length > 0 || !state.listed;
    const total = rows.reduce((sum, row) => sum + row.unread, 0);
    document.title = total > 0 ? `(${total}) Causerie` : 'Causerie';
  }

  #row(c) {
    const { state } = this;
    const row = {
      key: c.id,
      name: nameOf(c),
      group: c.kind === 'group',
      current: state.open === c.id,
      online: state.presence.get(c.peer)?.online === true,
      unread: unread(c, state.me),
      preview: preview(c.last, c, state.me),
      when: c.last ? shortTime(c.last.time) : '',
    };
    return { ...row, sign: JSON.stringify(row) };
  }

  #make({ key }) {
    const button = el('button', { className: 'conversation', type: 'button' });
    button.dataset.testid = 'conversation-item';
    button.dataset.conversation = key;
    button.addEventListener('click', () => this.open(key));
    return el('li', {}, button);
  }

  #startDirect(event) {
    event.preventDefault();
    const name = $('direct-name').value.trim();
    if (name) this.dispatch({ type: 'create', frame: { kind: 'direct', members: [name] } });
    else $('direct-name').focus();
  }

  #startGroup(event) {
    event.preventDefault();
    const frame = {
      kind: 'group',
      title: $('group-title').value.trim(),
      members: names($('group-members').value),
      client_id: this.groupId,
      history: $('group-history').checked ? 'full' : 'since_join',
    };
    this.dispatch({ type: 'create', frame });
  }
}

/** Today's time, or the day. */
const shortTime = (time) => (day(time) === 'Today' ? clock(time) : day(time));

function draw(node, row) {
  const button = node.firstElementChild;
  button.dataset.name = row.name;
  button.setAttribute('aria-current', String(row.current));
  const face = disc(row.name, row.group);
  if (!row.group) face.append(dot(row.online));
  const end = row.unread > 0
    ? el('span', { className: 'unread', text: String(row.unread), ariaLabel: `${row.unread} unread`, data: { testid: 'unread' } })
    : el('span');
  const hidden = row.online ? el('span', { className: 'spoken', text: 'online' }) : '';
  button.replaceChildren(
    face,
    el('bdi', { className: 'name', text: row.name }),
    el('span', { className: 'when', text: row.when }),
    el('span', { className: 'preview', text: row.preview, dir: 'auto' }),
    end,
    hidden,
  );
}

const dot = (online) => el('span', { className: 'online', data: { testid: 'online', online: String(online) } });
