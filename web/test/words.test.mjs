// Plain words, ids and lists of names.

import test from 'node:test';
import assert from 'node:assert/strict';
import { list, membershipLine, names, preview, words } from '../js/words.js';
import { uuidv7 } from '../js/uuid.js';

test('errors are told in plain words, unknown ones in the words of the server', () => {
  assert.match(words({ code: 'rate_limited', message: 'x' }), /too fast/);
  assert.equal(words({ code: 'new_code', message: 'The server says this.' }), 'The server says this.');
  assert.equal(words({ code: 'forbidden', message: 'Only owners may do that.' }), 'Only owners may do that.');
});

test('membership entries are told from the point of view of the reader', () => {
  const entry = (change, fields = {}) => ({ kind: 'membership', from: 'bob', body: { change, users: ['alice', 'carol'], ...fields } });
  assert.equal(membershipLine(entry('added'), 'alice'), 'bob added you and carol');
  assert.equal(membershipLine(entry('renamed', { title: 'X' }), 'bob'), 'You renamed the group to “X”');
  assert.equal(membershipLine(entry('role', { role: 'admin', users: ['carol'] }), 'alice'), 'bob made carol admin');
});

test('names are read with commas or blanks between them', () => {
  assert.deepEqual(names('bob carol  bob'), ['bob', 'carol']);
  assert.deepEqual(names('Zoë B, carol;'), ['Zoë B', 'carol']);
});

test('a long list of names is cut', () => {
  assert.equal(list(['a', 'b', 'c', 'd', 'e']), 'a, b, c and 2 others');
});

test('a content this page cannot show is named', () => {
  const message = { kind: 'message', from: 'bob', body: { content_type: 'image/png', data: 'AA==' } };
  assert.match(preview(message, { kind: 'direct' }, 'alice'), /image\/png/);
});

test('a message id is a UUID of version 7 that begins with its time', () => {
  const now = Date.parse('2030-01-01T00:00:00.000Z');
  const id = uuidv7(now, new Uint8Array(10).fill(0xff));
  assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(parseInt(id.replace('-', '').slice(0, 12), 16), now);
});
