// Carries out the effects of the core: one socket, named timers, storage, the two HTTP calls.
// It decides nothing.
//
// Guarantees: events reach the core one after the other; nothing of an old socket or of a replaced
// timer reaches it.

import { reduce } from './core.js';
import { toSave } from './outbox.js';
import * as api from './api.js';
import * as store from './store.js';

/** The page's engine. `hooks.render()` is called after changes, `hooks.notice`, `hooks.showing` and `hooks.done` when asked for. */
export class Shell {
  #timers = new Map();
  #socket = null;
  #drawing = false;

  constructor(state, hooks) {
    this.state = state;
    this.hooks = hooks;
  }

  /** Gives the core an event and does what it answers. */
  dispatch(event) {
    const effects = reduce(this.state, { ...event, now: Date.now(), random: Math.random() });
    for (const effect of effects) this.#perform(effect);
    this.#draw();
  }

  /** Draws once for all events of a moment, also in a window that is not visible. */
  #draw() {
    if (this.#drawing) return;
    this.#drawing = true;
    setTimeout(() => {
      this.#drawing = false;
      this.hooks.render();
    }, 0);
  }

  #perform(effect) {
    const { state } = this;
    switch (effect.type) {
      case 'frame':
        this.#socket?.send(JSON.stringify(effect.frame));
        break;
      case 'timer':
        this.#arm(effect.name, effect.ms);
        break;
      case 'cancel':
        this.#cancel(effect.name);
        break;
      case 'open_socket':
        this.#open();
        break;
      case 'drop_socket':
        this.#drop();
        break;
      case 'fetch_token':
        this.#fetchToken(effect.name);
        break;
      case 'save_session':
        store.saveSession({ name: state.name, token: state.token, expires: state.expires });
        break;
      case 'forget_session':
        store.forgetSession();
        break;
      case 'save_outbox':
        store.saveOutbox(state.me, toSave(state));
        break;
      case 'load_outbox':
        this.dispatch({ type: 'outbox_restored', entries: store.loadOutbox(state.me) });
        break;
      case 'new_device':
        state.device = store.newDevice();
        break;
      default:
        this.hooks[effect.type](effect);
    }
  }

  #arm(name, ms) {
    this.#cancel(name);
    const fire = () => {
      this.#timers.delete(name);
      this.dispatch({ type: 'timer', name });
    };
    this.#timers.set(name, setTimeout(fire, ms));
  }

  #cancel(name) {
    clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
  }

  #open() {
    this.#drop();
    const url = new URL('/v1/ws', location.href);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = new WebSocket(url, 'causerie.v1');
    this.#socket = socket;
    const current = (handler) => (event) => {
      if (this.#socket === socket) handler(event);
    };
    socket.onopen = current(() => this.dispatch({ type: 'socket_open' }));
    socket.onmessage = current(({ data }) => this.#receive(data));
    socket.onclose = current(({ code }) => {
      this.#socket = null;
      this.dispatch({ type: 'socket_closed', code });
    });
  }

  #receive(data) {
    let frame;
    try {
      frame = JSON.parse(data);
    } catch {
      return;
    }
    this.dispatch({ type: 'frame', frame });
  }

  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  async #fetchToken(name) {
    try {
      const { token, expires } = await api.signIn(name);
      this.dispatch({ type: 'token', name, token, expires });
    } catch (error) {
      this.dispatch({ type: 'no_token', name, refused: error.refused === true, message: error.message });
    }
  }
}
