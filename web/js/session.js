// The connection: signing in, greeting, heartbeat, renewing the token, and when to come back.
//
// Guarantees: the same events give the same effects (no clock, no randomness, no socket in here);
// after a loss it comes back with growing, jittered pauses, later if the server said when; it stays
// away when the server said that coming back is useless (4001, 4003, 4009) until a person acts.
// Recovery: everything a connection knew is asked again after `welcome`.

import { ask, transmit } from './requests.js';
import { words } from './words.js';

const AGENT = 'causerie-web/0.1';
const HANDSHAKE_MS = 10_000;
const PONG_MS = 10_000;
const STABLE_MS = 5_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
const TOO_MANY_PAUSE_MS = 10_000;
const LONGEST_GOODBYE_MS = 300_000;
/** Close codes that say "come back" by themselves. */
const COME_BACK = new Set([4000, 4008, 4029]);
const LONGEST_TIMER_MS = 12 * 3_600_000;

/** The state of a connection that has not begun. Phases: signed_out, connecting, greeting, online, waiting, stopped. */
export function newLink() {
  return {
    phase: 'signed_out',
    attempts: 0,
    epoch: 0,
    welcomedAt: 0,
    goodbyeMs: null,
    dismissed: '',
    heartbeatMs: 30_000,
    bodyBytes: 16_384,
    watchUsers: 256,
    skewMs: 0,
    pongDue: false,
    trouble: '',
    stoppedBy: 0,
  };
}

/** Connects now, or first renews a token that has ended. */
export function connect(ctx) {
  const { state } = ctx;
  const { link } = state;
  if (!state.token) return;
  ctx.emit({ type: 'cancel', name: 'backoff' });
  link.goodbyeMs = null;
  link.dismissed = '';
  if (state.expires && state.expires <= ctx.now + link.skewMs) {
    renew(ctx);
    return;
  }
  link.phase = 'connecting';
  ctx.emit({ type: 'open_socket' });
  ctx.emit({ type: 'timer', name: 'handshake', ms: HANDSHAKE_MS });
}

/** The socket is open: say hello. */
export function greet(ctx) {
  const { state } = ctx;
  state.link.phase = 'greeting';
  transmit(ctx, {
    frame: { type: 'hello', token: state.token, device: state.device, agent: AGENT },
    then: { kind: 'hello' },
    tries: 0,
  });
}

/** The server took us in. */
export function welcomed(ctx, frame) {
  const { state } = ctx;
  const { link } = state;
  link.phase = 'online';
  link.epoch += 1;
  link.welcomedAt = ctx.now;
  link.trouble = '';
  link.heartbeatMs = frame.heartbeat_ms ?? link.heartbeatMs;
  link.bodyBytes = frame.limits?.body_bytes ?? link.bodyBytes;
  link.watchUsers = frame.limits?.watch_users ?? link.watchUsers;
  const serverNow = Date.parse(frame.time);
  link.skewMs = Number.isFinite(serverNow) ? serverNow - ctx.now : 0;
  state.me = frame.user;
  ctx.emit({ type: 'cancel', name: 'handshake' });
  ctx.emit({ type: 'timer', name: 'ping', ms: link.heartbeatMs });
  armRefresh(ctx);
}

/** The greeting was refused. */
export function refused(ctx, error) {
  ctx.emit({ type: 'drop_socket' });
  if (error.code === 'unauthenticated') leave(ctx, words(error));
  else if (error.code === 'token_expired') renew(ctx);
  else if (error.retry) back(ctx, 0, error.retry_after_ms);
  else stop(ctx, 4009, words(error));
}

/** The server says goodbye; the close follows. No time to come back means: stay away. */
export function goodbye(ctx, frame) {
  const { link } = ctx.state;
  const ms = frame.reconnect_after_ms;
  if (Number.isFinite(ms)) link.goodbyeMs = Math.min(Math.max(0, ms), LONGEST_GOODBYE_MS);
  else link.dismissed = frame.reason ?? 'no reason given';
}

/** The socket is gone: what its close code asks for. */
export function closed(ctx, code) {
  if (code === 4001) leave(ctx, 'The server does not accept this sign-in any more. Please sign in again.');
  else if (code === 4002) renew(ctx);
  else if (code === 4003) stop(ctx, code, 'This chat was opened in another window, so this one was disconnected.');
  else if (code === 4009) stop(ctx, code, 'The server did not understand this page. Reload it to get its newest version.');
  else if (ctx.state.link.dismissed && !COME_BACK.has(code)) {
    stop(ctx, code, `The server ended this connection (${ctx.state.link.dismissed}).`);
  } else back(ctx, code);
}

/** Waits, then comes back. */
function back(ctx, code, atLeastMs = 0) {
  const { link } = ctx.state;
  if (link.welcomedAt > 0 && ctx.now - link.welcomedAt >= STABLE_MS) link.attempts = 0;
  link.welcomedAt = 0;
  const base = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** link.attempts);
  let ms = Math.max(atLeastMs, base / 2 + (ctx.random * base) / 2);
  if (code === 4029) ms = Math.max(ms, TOO_MANY_PAUSE_MS * (1 + ctx.random));
  if (link.goodbyeMs !== null) ms = link.goodbyeMs + ctx.random * FIRST_PAUSE_MS;
  link.attempts += 1;
  link.phase = 'waiting';
  ctx.emit({ type: 'timer', name: 'backoff', ms: Math.round(ms) });
}

/** Stays away until a person acts. */
function stop(ctx, code, trouble) {
  ctx.state.link.phase = 'stopped';
  ctx.state.link.stoppedBy = code;
  ctx.state.link.trouble = trouble;
}

/** Back to the sign-in page, saying why. */
export function leave(ctx, trouble) {
  const { state } = ctx;
  ctx.emit({ type: 'drop_socket' });
  for (const name of ['backoff', 'handshake', 'ping', 'pong', 'refresh']) ctx.emit({ type: 'cancel', name });
  state.link = { ...newLink(), trouble };
  state.token = '';
  ctx.emit({ type: 'forget_session' });
}

/** Gets a new token: by name from the server, otherwise from the person. */
function renew(ctx) {
  const { state } = ctx;
  if (state.signIn !== 'name') {
    leave(ctx, 'Your token has expired. Please sign in with a new one.');
    return;
  }
  state.link.phase = 'waiting';
  ctx.emit({ type: 'fetch_token', name: state.name });
}

/** A new token came. */
export function renewed(ctx, { name, token, expires }) {
  const { state } = ctx;
  if (state.link.phase === 'signed_out' || name !== state.name) return;
  state.token = token;
  state.expires = expires;
  ctx.emit({ type: 'save_session' });
  if (state.link.phase === 'online') {
    ask(ctx, { type: 'refresh', token }, { kind: 'refresh' });
    armRefresh(ctx);
  } else if (state.link.phase === 'waiting') {
    connect(ctx);
  }
}

/** No new token came: `refused` says whether the server said no or could not be reached. */
export function notRenewed(ctx, { name, refused: no, message }) {
  const { link } = ctx.state;
  if (link.phase === 'signed_out' || name !== ctx.state.name) return;
  if (no) leave(ctx, message);
  else if (link.phase === 'online') ctx.emit({ type: 'timer', name: 'refresh', ms: 15_000 });
  else if (link.phase === 'waiting') back(ctx, 0);
}

/** Time to renew the token, or to look again when the timer could not reach that far. */
export function refreshDue(ctx) {
  const { state } = ctx;
  if (state.link.phase !== 'online') return;
  const left = state.expires - ctx.now - state.link.skewMs;
  if (left > LONGEST_TIMER_MS) armRefresh(ctx);
  else if (state.signIn === 'name') ctx.emit({ type: 'fetch_token', name: state.name });
  else ctx.emit({ type: 'notice', text: 'Your token ends soon. Sign out and in again with a new one.' });
}

/** Sets the timer for renewing the token: a fifth of its remaining life, at most a minute, before its end. */
function armRefresh(ctx) {
  const { state } = ctx;
  if (!state.expires) return;
  const left = state.expires - ctx.now - state.link.skewMs;
  const ms = Math.max(1_000, left - Math.min(60_000, left / 5));
  ctx.emit({ type: 'timer', name: 'refresh', ms: Math.min(ms, LONGEST_TIMER_MS) });
}

/** Asks for a sign of life; silence for PONG_MS means the connection is dead. */
export function probe(ctx) {
  const { link } = ctx.state;
  if (link.phase !== 'online') return;
  transmit(ctx, { frame: { type: 'ping' }, then: { kind: 'ping' }, tries: 0 });
  link.pongDue = true;
  ctx.emit({ type: 'timer', name: 'pong', ms: PONG_MS });
  ctx.emit({ type: 'timer', name: 'ping', ms: link.heartbeatMs });
}

/** Any frame is a sign of life. */
export function heard(ctx) {
  const { link } = ctx.state;
  if (!link.pongDue) return;
  link.pongDue = false;
  ctx.emit({ type: 'cancel', name: 'pong' });
}
