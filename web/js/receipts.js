// Who has received and read how far: positions that only ever rise, and the ticks drawn from them.

/** Raises one user's position; a lower one is ignored, and read implies delivered. */
export function raise(positions, user, { delivered = 0, read = 0, ...rest }) {
  const old = positions.get(user) ?? { delivered: 0, read: 0 };
  const readTo = Math.max(old.read, read);
  positions.set(user, {
    ...old,
    ...rest,
    delivered: Math.max(old.delivered, delivered, readTo),
    read: readTo,
  });
}

/**
 * The tick of one of my own messages.
 * @returns {{state: 'sent'|'delivered'|'read', delivered?: number, read?: number, of?: number}}
 * the counts only for a group whose members are known.
 */
export function tick(conversation, me, seq) {
  if (conversation.kind === 'direct') {
    const peer = conversation.positions.get(conversation.peer) ?? { delivered: 0, read: 0 };
    if (peer.read >= seq) return { state: 'read' };
    return { state: peer.delivered >= seq ? 'delivered' : 'sent' };
  }
  if (!conversation.membersKnown) return { state: 'sent' };
  let delivered = 0;
  let read = 0;
  let of = 0;
  for (const [user, position] of conversation.positions) {
    if (user === me || (position.join_seq ?? 0) >= seq) continue;
    of += 1;
    if (position.delivered >= seq) delivered += 1;
    if (position.read >= seq) read += 1;
  }
  let state = 'sent';
  if (of > 0 && read === of) state = 'read';
  else if (of > 0 && delivered === of) state = 'delivered';
  return { state, delivered, read, of };
}

/**
 * How many entries this user has not read: what lies between the read position and the head, less
 * what is loaded and needs no reading (one's own messages and membership entries).
 */
export function unread(conversation, me) {
  const from = Math.max(conversation.read, conversation.first - 1);
  let count = Math.max(0, conversation.head - from);
  const { messages } = conversation;
  for (let i = messages.length - 1; i >= 0 && messages[i].seq > from; i -= 1) {
    if (messages[i].from === me || messages[i].kind === 'membership') count -= 1;
  }
  if (messages.length === 0 && count === 1 && conversation.last?.seq === conversation.head) {
    const { last } = conversation;
    if (last.from === me || last.kind === 'membership') count = 0;
  }
  return Math.max(0, count);
}
