// The loaded stretch of one conversation: messages in the order of `seq`, with no number missing
// between the first and the last. Pure functions over arrays.
//
// Guarantees: the result of every function has no gap and no duplicate. What would leave a gap is
// not taken in; the caller is told and asks the server for what lies between.

/** The lowest `seq` loaded, or 0 when nothing is. */
export function lowest(messages) {
  return messages.length === 0 ? 0 : messages[0].seq;
}

/** The highest `seq` loaded, or 0 when nothing is. */
export function highest(messages) {
  return messages.length === 0 ? 0 : messages[messages.length - 1].seq;
}

/** The longest gapless run that `items` (ascending) begins with. */
function run(items) {
  const end = items.findIndex((item, i) => i > 0 && item.seq !== items[i - 1].seq + 1);
  return end < 0 ? items : items.slice(0, end);
}

/**
 * Merges an ascending page into the loaded stretch.
 * @returns {{messages: object[], added: object[], gap: boolean}} the new stretch, what was new in
 * it, and whether (part of) the page had to be left out because it does not touch the stretch.
 */
export function merge(messages, items) {
  const page = run(items);
  const cut = page.length < items.length;
  if (page.length === 0) return { messages, added: [], gap: false };
  if (messages.length === 0) return { messages: [...page], added: [...page], gap: cut };
  const low = lowest(messages);
  const high = highest(messages);
  if (lowest(page) > high + 1 || highest(page) < low - 1) return { messages, added: [], gap: true };
  const before = page.filter((item) => item.seq < low);
  const after = page.filter((item) => item.seq > high);
  if (before.length + after.length === 0) return { messages, added: [], gap: cut };
  return { messages: [...before, ...messages, ...after], added: [...before, ...after], gap: cut };
}
