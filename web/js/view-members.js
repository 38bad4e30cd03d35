// The members of a group, and what one's role lets one do: rename, add, remove, change roles, leave.
// The server decides; what it refuses is shown.

import { $, el, reconcile } from './dom.js';
import { names } from './words.js';

/** The members dialog of the open group. */
export class MembersView {
  constructor(state, dispatch) {
    this.state = state;
    this.dispatch = dispatch;
    $('details').addEventListener('click', () => this.#open());
    $('rename-form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#command('rename', { title: $('rename-title').value.trim() }, 'renaming the group');
    });
    $('add-form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#command('members.add', { users: names($('add-members').value) }, 'adding members');
    });
    $('more-members').addEventListener('click', () =>
      dispatch({ type: 'more_members', conversation: state.open }));
    $('leave').addEventListener('click', () => this.#leave());
    $('members-dialog').addEventListener('close', () => this.#askToLeave(false));
  }

  /** A command was carried out. */
  done(what) {
    if (what === 'adding members') $('add-members').value = '';
    if (what === 'leaving the group') $('members-dialog').close();
  }

  render() {
    const dialog = $('members-dialog');
    if (!dialog.open) return;
    const c = this.state.conversations.get(this.state.open);
    if (!c || c.gone || c.kind !== 'group') {
      dialog.close();
      return;
    }
    const manage = c.role === 'owner' || c.role === 'admin';
    $('rename-form').hidden = !manage;
    $('add-form').hidden = !manage;
    $('more-members').hidden = !c.members_next;
    const rows = c.members.map((member) => {
      const row = { key: member.user, ...member, mine: member.user === this.state.me, myRole: c.role };
      return { ...row, sign: JSON.stringify(row) };
    });
    reconcile($('members'), rows, () => el('li', { className: 'member' }), (node, row) => this.#draw(node, row));
  }

  #open() {
    const c = this.state.conversations.get(this.state.open);
    if (!c) return;
    $('rename-title').value = c.title;
    $('add-members').value = '';
    $('members-dialog').showModal();
    this.dispatch({ type: 'load_members', conversation: c.id });
  }

  #draw(node, row) {
    node.dataset.testid = 'member';
    node.dataset.user = row.user;
    node.dataset.role = row.role;
    node.replaceChildren(
      el('bdi', { className: 'name', text: row.mine ? `${row.user} (you)` : row.user }),
      row.myRole === 'owner' && !row.mine ? this.#roles(row) : el('span', { className: 'quiet', text: row.role }),
      this.#mayRemove(row) ? this.#remove(row) : '',
    );
  }

  #mayRemove({ mine, myRole, role }) {
    if (mine) return false;
    return myRole === 'owner' || (myRole === 'admin' && role === 'member');
  }

  #roles(row) {
    const select = el('select', { ariaLabel: `Role of ${row.user}`, data: { testid: 'role-select' } });
    for (const role of ['owner', 'admin', 'member']) {
      select.append(el('option', { value: role, text: role, selected: role === row.role }));
    }
    select.addEventListener('change', () => {
      this.#command('members.role', { user: row.user, role: select.value }, `changing the role of ${row.user}`);
      // The server's answer, not the click, changes what is shown.
      select.value = row.role;
    });
    return select;
  }

  #remove(row) {
    const button = el('button', { className: 'small danger', type: 'button', text: 'Remove', data: { testid: 'remove-button' } });
    button.setAttribute('aria-label', `Remove ${row.user}`);
    button.addEventListener('click', () =>
      this.#command('members.remove', { users: [row.user] }, `removing ${row.user}`));
    return button;
  }

  /** The first press asks, the second leaves. */
  #leave() {
    if (this.leaving) this.#command('leave', {}, 'leaving the group');
    else this.#askToLeave(true);
  }

  #askToLeave(leaving) {
    this.leaving = leaving;
    $('leave').textContent = leaving ? 'Really leave?' : 'Leave group';
  }

  #command(type, fields, what) {
    this.dispatch({ type: 'command', frame: { type, conversation: this.state.open, ...fields }, what });
  }
}
