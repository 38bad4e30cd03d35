// Windows of real Chromium for the browser tests. Each window is a browser context of its own, so
// each is another person. Nothing here sleeps: everything waits for what the page shows.

import path from 'node:path';
import { chromium } from 'playwright-core';

/** Where the server under test is. */
export const BASE = process.env.CAUSERIE_URL ?? 'http://127.0.0.1:8080';
const SHOTS = process.env.CAUSERIE_SHOTS;
const PATIENCE_MS = 20_000;

/** Starts Chromium without anything that would leave this machine. */
export const launch = () => chromium.launch({
  executablePath: process.env.CAUSERIE_CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync',
  ],
});

/** One person's window. */
export class Window {
  constructor(context, page, name) {
    this.context = context;
    this.page = page;
    this.name = name;
    this.errors = [];
    page.setDefaultTimeout(PATIENCE_MS);
    page.on('pageerror', (error) => this.errors.push(`${name}: ${error.stack}`));
    page.on('console', (line) => {
      if (line.type() === 'error') this.errors.push(`${name}: ${line.text()}`);
    });
  }

  /** Opens the page and signs in. `prepare(page)` runs before anything is loaded. */
  static async open(browser, name, { prepare, ...options } = {}) {
    const context = await browser.newContext({ viewport: { width: 1100, height: 720 }, ...options });
    const page = await context.newPage();
    const window = new Window(context, page, name);
    await prepare?.(page);
    await page.goto(BASE);
    await window.id('sign-in-name').fill(name);
    await window.id('sign-in-button').click();
    await window.online();
    return window;
  }

  /** The elements with a test id. */
  id(id, rest = '') {
    return this.page.locator(`[data-testid="${id}"]${rest}`);
  }

  online() {
    return this.id('connection-state', '[data-state="online"]').waitFor();
  }

  /** The list entry of a conversation. */
  item(name) {
    return this.id('conversation-item', `[data-name="${name}"]`);
  }

  /** Opens a conversation from the list. */
  async choose(name) {
    await this.item(name).click();
    await this.opened(name);
  }

  opened(name) {
    return this.id('chat-name').filter({ hasText: name }).waitFor();
  }

  /** Starts a direct conversation, or opens the one there is. */
  async direct(name) {
    await this.id('new-direct-name').fill(name);
    await this.id('new-direct-button').click();
    await this.opened(name);
  }

  async group(title, members) {
    await this.id('new-group-button').click();
    await this.id('group-title').fill(title);
    await this.id('group-members').fill(members.join(', '));
    await this.id('group-create').click();
    await this.opened(title);
  }

  /** Types a message and presses Enter. */
  async say(text) {
    await this.id('composer').fill(text);
    await this.id('composer').press('Enter');
  }

  /** The message with exactly this text in the open conversation. */
  message(text) {
    const exactly = new RegExp(`^${text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`);
    return this.id('message').filter({ has: this.page.locator('[data-testid="text"]', { hasText: exactly }) });
  }

  sees(text) {
    return this.message(text).waitFor();
  }

  /** Waits for the tick of one's own message to be in a state. */
  tick(text, state) {
    return this.message(text).locator(`[data-testid="tick"][data-state="${state}"]`).waitFor();
  }

  /** Waits for a number of unread messages of a conversation; 0 is no number at all. */
  async unread(name, count) {
    const badge = this.item(name).locator('[data-testid="unread"]');
    if (count === 0) await badge.waitFor({ state: 'detached' });
    else await badge.filter({ hasText: new RegExp(`^${count}$`) }).waitFor();
  }

  /** Waits for the dot of a peer to be on or off. */
  presence(name, on) {
    return this.item(name).locator(`[data-testid="online"][data-online="${on}"]`).waitFor();
  }

  /** Everything the open conversation shows, in order: `{seq, from, text}`. */
  rows() {
    return this.page.locator('[data-testid="messages"] [data-seq]').evaluateAll((nodes) => nodes.map((node) => ({
      seq: Number(node.dataset.seq),
      from: node.dataset.from,
      text: node.querySelector('[data-testid="text"]')?.textContent,
    })));
  }

  async shot(name) {
    if (SHOTS) await this.page.screenshot({ path: path.join(SHOTS, `${name}.png`) });
  }

  close() {
    return this.context.close();
  }
}
