// Puts the page together: state, shell, views, and what the browser tells us.

import { newState } from './core.js';
import { Shell } from './shell.js';
import { SignInView } from './view-signin.js';
import { ListView } from './view-list.js';
import { ChatView } from './view-chat.js';
import { MembersView } from './view-members.js';
import * as api from './api.js';
import * as store from './store.js';
import { $, el } from './dom.js';

const NOTICE_MS = 8_000;
const INFO_AGAIN_MS = 2_000;

const state = newState({ device: store.device() });
const shell = new Shell(state, { render, notice, showing, done });
const dispatch = (event) => {
  if (event.type === 'say') notice(event);
  else shell.dispatch(event);
};

const signIn = new SignInView(state, dispatch);
const list = new ListView(state, dispatch, (id) => { location.hash = id; });
const chat = new ChatView(state, dispatch, () => { location.hash = ''; });
const members = new MembersView(state, dispatch);

function render() {
  const signedIn = state.link.phase !== 'signed_out';
  $('app').hidden = !signedIn;
  $('app').dataset.pane = state.open ? 'chat' : 'list';
  if (!signedIn) for (const dialog of document.querySelectorAll('dialog[open]')) dialog.close();
  signIn.render();
  list.render();
  chat.render();
  members.render();
}

function notice({ text }) {
  const close = el('button', { type: 'button', text: '×', ariaLabel: 'Close' });
  const node = el('div', { className: 'notice', data: { testid: 'notice' } }, el('span', { text }), close);
  close.addEventListener('click', () => node.remove());
  setTimeout(() => node.remove(), NOTICE_MS);
  $('notices').append(node);
}

/** The address shows which conversation is open, so that a reload and the Back button work. */
function showing({ conversation }) {
  if (hash() !== conversation) location.hash = conversation ?? '';
}

function done({ what }) {
  if (what === 'create') list.done();
  else members.done(what);
}

const hash = () => location.hash.slice(1) || null;

function listen() {
  window.addEventListener('hashchange', () => {
    if (hash() !== state.open) dispatch({ type: 'open', conversation: hash() });
  });
  window.addEventListener('online', () => dispatch({ type: 'network_up' }));
  document.addEventListener('visibilitychange', () => dispatch({ type: 'visible', visible: !document.hidden }));
  for (const button of document.querySelectorAll('[data-close]')) {
    button.addEventListener('click', () => button.closest('dialog').close());
  }
}

/** Asks the server how to sign in, again and again until it answers. */
async function start() {
  try {
    state.signIn = (await api.info()).sign_in;
  } catch (error) {
    state.link.trouble = error.message;
    render();
    setTimeout(start, INFO_AGAIN_MS);
    return;
  }
  state.link.trouble = '';
  state.open = hash();
  state.visible = !document.hidden;
  const saved = store.loadSession();
  if (saved?.token) dispatch({ type: 'signed_in', ...saved, saved: true });
  else render();
}

listen();
start();
