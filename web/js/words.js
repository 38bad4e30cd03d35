// Plain words for what happens: errors, membership entries, times. Pure; texts only, no markup.

const BY_CODE = {
  not_found: 'There is no such conversation or person here.',
  forbidden: 'You may not do that here.',
  conflict: 'This message was already sent with another text.',
  too_old: 'This message waited too long; it cannot be told any more whether it arrived.',
  too_large: 'This is too long.',
  rate_limited: 'That was too fast. Please wait a moment.',
  busy: 'The server is busy. Please try again in a moment.',
  unavailable: 'The server cannot store this right now. Please try again in a moment.',
  unknown_outcome: 'It is not known yet whether this worked.',
  unauthenticated: 'The server does not accept this sign-in.',
  token_expired: 'Your sign-in has expired.',
};

/** What to tell a person about an `error` frame. */
export function words(error) {
  if (error.code === 'forbidden' && error.message) return error.message;
  return BY_CODE[error.code] ?? error.message ?? 'Something went wrong.';
}

/** One line for a membership entry, from the point of view of `me`. */
export function membershipLine(message, me) {
  const body = message.body ?? {};
  const who = message.from === me ? 'You' : message.from;
  const users = (body.users ?? []).map((user) => (user === me ? 'you' : user));
  const whom = list(users);
  switch (body.change) {
    case 'created':
      return body.title ? `${who} created the group “${body.title}”` : `${who} started the conversation`;
    case 'added':
      return `${who} added ${whom}`;
    case 'removed':
      return `${who} removed ${whom}`;
    case 'left':
      return `${who} left`;
    case 'role':
      return `${who} made ${whom} ${body.role === 'member' ? 'a member' : body.role}`;
    case 'renamed':
      return `${who} renamed the group to “${body.title ?? ''}”`;
    default:
      return `${who} changed the group`;
  }
}

/** "a", "a and b", "a, b and c", "a, b and 7 others". */
export function list(names) {
  if (names.length === 0) return 'nobody';
  if (names.length === 1) return names[0];
  if (names.length > 4) return `${names.slice(0, 3).join(', ')} and ${names.length - 3} others`;
  return `${names.slice(0, -1).join(', ')} and ${names[names.length - 1]}`;
}

const ERASED = 'application/vnd.causerie.erased+json';

/** Names written with commas between them, or with blanks where there is no comma (a name may have blanks in it). */
export function names(text) {
  const parts = text.split(/[,;\n]/.test(text) ? /[,;\n]/ : /\s+/);
  return [...new Set(parts.map((part) => part.trim()).filter(Boolean))];
}

/** The text of a message, or what stands for a content this page cannot show. */
export function bodyText(body) {
  if (typeof body?.text === 'string') return body.text;
  if (body?.content_type === ERASED) return '(erased)';
  return `(content of type ${body?.content_type ?? 'unknown'}, which this page cannot show)`;
}

/** The one-line preview of a conversation's newest entry. */
export function preview(message, conversation, me) {
  if (!message) return '';
  if (message.kind === 'membership') return membershipLine(message, me);
  const text = bodyText(message.body).replace(/\s+/g, ' ').slice(0, 120);
  if (message.from === me) return `You: ${text}`;
  return conversation.kind === 'group' ? `${message.from}: ${text}` : text;
}

/** What a tick means, for a tooltip and a screen reader. */
export function tickWords(tick) {
  if (tick.state === 'pending') return 'Waiting to be sent';
  if (tick.state === 'failed') return 'Not sent';
  if (tick.of === undefined) return { sent: 'Sent', delivered: 'Delivered', read: 'Read' }[tick.state];
  return `Delivered to ${tick.delivered} of ${tick.of}, read by ${tick.read} of ${tick.of}`;
}

/** What the connection is doing. */
export function connectionWords(link) {
  switch (link.phase) {
    case 'online':
      return 'Connected';
    case 'connecting':
    case 'greeting':
      return link.attempts > 0 ? 'Reconnecting…' : 'Connecting…';
    case 'waiting':
      return 'Reconnecting…';
    case 'stopped':
      return 'Disconnected';
    default:
      return 'Signed out';
  }
}
