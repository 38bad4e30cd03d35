// The sign-in page: by name, or with a token.

import * as api from './api.js';
import { $, setText } from './dom.js';

/** The sign-in page. `dispatch` takes `signed_in`. */
export class SignInView {
  constructor(state, dispatch) {
    this.state = state;
    this.dispatch = dispatch;
    this.trouble = '';
    $('sign-in-form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
  }

  /** Shows or hides the page, with the field this server asks for. */
  render() {
    const { link, signIn, name } = this.state;
    const shown = link.phase === 'signed_out';
    const appears = shown && $('sign-in').hidden;
    $('sign-in').hidden = !shown;
    $('sign-in-name-field').hidden = signIn !== 'name';
    $('sign-in-token-field').hidden = signIn !== 'token';
    setText($('sign-in-lead'), signIn === 'name' ? 'Choose a name to chat under.' : 'Sign in with your token.');
    setText($('sign-in-trouble'), this.trouble || link.trouble);
    if (!appears) return;
    if (name) $('sign-in-name').value = name;
    $(signIn === 'name' ? 'sign-in-name' : 'sign-in-token').focus();
  }

  async #submit() {
    const byName = this.state.signIn === 'name';
    const value = $(byName ? 'sign-in-name' : 'sign-in-token').value.trim();
    this.#say(value ? '' : `Please enter your ${byName ? 'name' : 'token'}.`);
    if (!value) return;
    if (!byName) {
      $('sign-in-token').value = '';
      this.dispatch({ type: 'signed_in', name: '', token: value, expires: api.tokenEnd(value) });
      return;
    }
    const button = $('sign-in-form').querySelector('button');
    button.disabled = true;
    try {
      const { token, expires } = await api.signIn(value);
      this.dispatch({ type: 'signed_in', name: value, token, expires });
    } catch (error) {
      this.#say(error.message);
    } finally {
      button.disabled = false;
    }
  }

  #say(trouble) {
    this.trouble = trouble;
    this.state.link.trouble = '';
    this.render();
  }
}
