// The page in real Chromium: several people, one server (CAUSERIE_URL). The tests build on each
// other in the order of this file, like people who go on talking. Names are new on every run, so
// that a server which keeps its data can be used again. Screenshots go to CAUSERIE_SHOTS.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { launch, Window } from './windows.mjs';

const run = randomBytes(3).toString('hex');
const ALICE = `alice-${run}`;
const BOB = `bob-${run}`;
const CAROL = `carol-${run}`;
const DAVE = `dave-${run}`;
const TEAM = `Team ${run}`;
const LINES = 120;

let browser;
let alice;
let bob;
let carol;

before(async () => { browser = await launch(); });
after(() => browser?.close());

const step = (name, body) => test(name, { timeout: 120_000 }, async () => {
  try {
    await body();
  } catch (error) {
    for (const window of [alice, bob, carol]) await window?.shot(`failed-${window.name}`).catch(() => {});
    throw error;
  }
});

step('two people sign in by name, each in a window of their own', async () => {
  alice = await Window.open(browser, ALICE);
  bob = await Window.open(browser, BOB, { colorScheme: 'dark' });
  assert.equal(await alice.id('me').textContent(), ALICE);
  assert.equal(await bob.id('me').textContent(), BOB);
});

step('a message of one window appears in the other', async () => {
  await alice.direct(BOB);
  await alice.say('Hello Bob');
  await bob.choose(ALICE);
  await bob.sees('Hello Bob');
  await bob.say('Hello Alice');
  await alice.sees('Hello Alice');
});

step('a message is text, whatever it looks like', async () => {
  const nasty = '<b onclick=alert(1)>bold</b> & <script>alert(1)</script>';
  await alice.say(nasty);
  await bob.sees(nasty);
  await alice.tick(nasty, 'read');
});

step('Shift+Enter writes a second line, Enter sends both', async () => {
  const composer = alice.id('composer');
  await composer.fill('first line');
  await composer.press('Shift+Enter');
  await composer.pressSequentially('second line');
  await composer.press('Enter');
  await bob.sees('first line\nsecond line');
});

step('the online dot goes off when a window is closed and on when its person is back', async () => {
  await alice.presence(BOB, true);
  await bob.close();
  await alice.presence(BOB, false);
});

step('ticks go from sent to delivered to read', async () => {
  await alice.say('Are you there?');
  await alice.tick('Are you there?', 'sent');
  bob = await Window.open(browser, BOB, { colorScheme: 'dark' });
  await alice.presence(BOB, true);
  await alice.tick('Are you there?', 'delivered');
  await bob.choose(ALICE);
  await alice.tick('Are you there?', 'read');
});

step('unread messages are counted while another conversation is open', async () => {
  carol = await Window.open(browser, CAROL, { viewport: { width: 390, height: 760 } });
  await carol.direct(BOB);
  await carol.say('Hi Bob');
  await bob.choose(CAROL);
  await bob.sees('Hi Bob');
  for (const text of ['one', 'two', 'three']) await alice.say(text);
  await bob.unread(ALICE, 3);
  await alice.tick('three', 'delivered');
  await bob.shot('unread');
  await bob.choose(ALICE);
  await bob.unread(ALICE, 0);
  await alice.tick('three', 'read');
});

step('three people talk in a group and see the same order', async () => {
  await alice.group(TEAM, [BOB, CAROL]);
  await alice.say('Where do we eat?');
  await bob.choose(TEAM);
  await carol.id('back').click();
  await carol.choose(TEAM);
  await bob.sees('Where do we eat?');
  await Promise.all([alice, bob, carol].map(async (window) => {
    for (let i = 1; i <= 5; i += 1) await window.say(`${window.name} ${i}`);
  }));
  for (const window of [alice, bob, carol]) {
    for (const writer of [alice, bob, carol]) await window.sees(`${writer.name} 5`);
    await window.tick(`${window.name} 5`, 'read');
  }
  const [a, b, c] = await Promise.all([alice, bob, carol].map((window) => window.rows()));
  assert.deepEqual(b, a);
  assert.deepEqual(c, a);
  a.forEach(({ seq }, i) => assert.equal(seq, a[0].seq + i));
  await alice.message('Where do we eat?').locator('[data-testid="counts"]', { hasText: '2 of 2' }).waitFor();
  await alice.shot('group');
  await carol.shot('phone');
});

step('a group is renamed, a member is removed and can no longer write', async () => {
  await alice.id('details-button').click();
  await alice.id('rename-title').fill(`${TEAM} lunch`);
  await alice.id('rename-button').click();
  await bob.opened(`${TEAM} lunch`);
  await alice.id('member', `[data-user="${CAROL}"]`).locator('[data-testid="remove-button"]').click();
  await carol.page.getByText('You are no longer in this conversation.').waitFor();
  await alice.id('member', `[data-user="${CAROL}"]`).waitFor({ state: 'detached' });
  await alice.shot('members');
  await alice.id('members-close').click();
  await alice.say('Without Carol');
  await bob.sees('Without Carol');
  assert.equal(await carol.message('Without Carol').count(), 0);
});

step('older messages come when scrolling up, in order and without a gap', async () => {
  await alice.choose(BOB);
  for (let i = 1; i <= LINES; i += 1) await alice.say(`line ${i}`);
  await alice.tick(`line ${LINES}`, 'delivered');
  await bob.choose(ALICE);
  await bob.page.reload();
  await bob.sees(`line ${LINES}`);
  assert.ok((await bob.rows()).length < LINES, 'not everything is loaded at once');
  while (await bob.id('load-older').isVisible()) await scrollUp(bob);
  const rows = await bob.rows();
  rows.forEach(({ seq }, i) => assert.equal(seq, i + 1));
  const lines = rows.map(({ text }) => text).filter((text) => text?.startsWith('line '));
  assert.deepEqual(lines, Array.from({ length: LINES }, (_, i) => `line ${i + 1}`));
});

/** Scrolls to the top, waits for older messages, and checks that what was read did not move. */
async function scrollUp(window) {
  const [{ seq }] = await window.rows();
  const place = () => window.page.locator(`[data-seq="${seq}"]`).evaluate((node) => node.getBoundingClientRect().top);
  const scroll = window.id('messages');
  await scroll.evaluate((node) => { node.scrollTop = 0; });
  const before = await place();
  await window.page.waitForFunction((first) => Number(document.querySelector('[data-seq]').dataset.seq) < first, seq);
  assert.ok(Math.abs(await place() - before) < 3, 'the place being read stays');
}

step('a reload keeps everything', async () => {
  const rows = await alice.rows();
  const last = rows.slice(-20);
  await alice.tick(`line ${LINES}`, 'read');
  await alice.page.reload();
  await alice.online();
  await alice.opened(BOB);
  await alice.tick(`line ${LINES}`, 'read');
  assert.deepEqual((await alice.rows()).slice(-20), last);
  await alice.item(`${TEAM} lunch`).waitFor();
  await alice.shot('direct');
  await bob.shot('direct-dark');
});

step('a message whose answer is lost with the connection goes out again and arrives once', async () => {
  const sends = [];
  let swallow = true;
  const dave = await Window.open(browser, DAVE, {
    prepare: (page) => page.routeWebSocket(/\/v1\/ws$/, (socket) => {
      const server = socket.connectToServer();
      socket.onMessage((text) => {
        const frame = JSON.parse(text);
        if (frame.type === 'send') sends.push(frame);
        server.send(text);
      });
      server.onMessage((text) => {
        if (swallow && JSON.parse(text).type === 'sent') {
          swallow = false;
          socket.close({ code: 4000 });
          server.close();
        } else {
          socket.send(text);
        }
      });
    }),
  });
  await dave.direct(ALICE);
  await dave.say('Do you read me?');
  await alice.choose(DAVE);
  await alice.sees('Do you read me?');
  await dave.tick('Do you read me?', 'read');
  await dave.online();
  await alice.say('Loud and clear');
  await dave.sees('Loud and clear');
  assert.equal(await alice.message('Do you read me?').count(), 1);
  const attempts = sends.map(({ attempt }) => attempt);
  assert.equal(attempts[0], 0);
  assert.ok(attempts.slice(1).every((attempt) => attempt >= 1), `attempts ${attempts}`);
  assert.equal(new Set(sends.map((send) => send.client_message_id)).size, 1);
  assert.deepEqual(dave.errors, []);
  await dave.close();
});

step('no window met an error, and the content policy was kept', () => {
  assert.deepEqual([alice, bob, carol].flatMap((window) => window.errors), []);
});
