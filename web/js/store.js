// What survives a reload: the sign-in, this window's device name, and the outbox.
//
// `sessionStorage` belongs to one window, so two windows can be two people. A browser that forbids
// storage costs a new sign-in after a reload, nothing else.

import { deviceName } from './uuid.js';

const SESSION = 'causerie.session';
const DEVICE = 'causerie.device';
const OUTBOX = 'causerie.outbox.';

function get(key) {
  try {
    return JSON.parse(sessionStorage.getItem(key));
  } catch {
    return null;
  }
}

function set(key, value) {
  try {
    sessionStorage.setItem(key, JSON.stringify(value));
  } catch {
    // No storage, or no room in it: what is on the page still works until it is reloaded.
  }
}

/** The saved sign-in `{name, token, expires}`, or null. */
export const loadSession = () => get(SESSION);

/** Saves the sign-in. */
export const saveSession = (session) => set(SESSION, session);

/** Forgets the sign-in. */
export function forgetSession() {
  try {
    sessionStorage.removeItem(SESSION);
  } catch {
    // Nothing was saved then.
  }
}

/** This window's device name; made on the first call. */
export function device() {
  const saved = get(DEVICE);
  return typeof saved === 'string' ? saved : newDevice();
}

/** Gives this window a new device name. */
export function newDevice() {
  const name = deviceName();
  set(DEVICE, name);
  return name;
}

/** The unanswered messages of a user. */
export function loadOutbox(user) {
  const saved = get(OUTBOX + user);
  return Array.isArray(saved) ? saved : [];
}

/** Saves the unanswered messages of a user. */
export const saveOutbox = (user, entries) => set(OUTBOX + user, entries);
