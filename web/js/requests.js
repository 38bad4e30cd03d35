// Questions put to the server and the answers they wait for.
//
// Guarantees: every answer meets the one question it belongs to, at most WINDOW questions are
// unanswered at a time (the rest wait here in order), and a question refused with "try later" is
// asked again a bounded number of times.
// Not guaranteed: that a question is answered. When the connection is lost all of them are handed
// back by `abandon`, and the caller decides which to ask again.

/** Unanswered questions at a time; below the server's own limit, so that it never stops reading. */
const WINDOW = 16;
/** How often a question refused with "try later" is asked again. */
const TRIES = 6;

/** An empty table of questions. */
export function newRequests() {
  return { next: 1, pending: new Map(), queue: [], later: new Map() };
}

/**
 * Asks a question. `then` says, as plain data, what the answer is for; its `kind` names the handler.
 * Answers false when there is no connection to ask on; nothing is kept in that case.
 */
export function ask(ctx, frame, then) {
  const { link, requests } = ctx.state;
  if (link.phase !== 'online') return false;
  const request = { frame, then, tries: 0 };
  if (requests.pending.size < WINDOW) transmit(ctx, request);
  else if (then.kind === 'send') requests.queue.unshift(request);
  else requests.queue.push(request);
  return true;
}

/** Puts a question on the wire at once, whatever the window says. */
export function transmit(ctx, request) {
  const { requests } = ctx.state;
  const id = requests.next++;
  requests.pending.set(id, { ...request, at: ctx.now });
  const { type, ...rest } = request.frame;
  ctx.emit({ type: 'frame', frame: { type, id, ...rest } });
}

/** The question an answer belongs to, or undefined when it belongs to none; makes room for the next. */
export function settle(ctx, answer) {
  const { requests } = ctx.state;
  const request = requests.pending.get(answer.id);
  if (!request) return undefined;
  requests.pending.delete(answer.id);
  if (requests.queue.length > 0 && requests.pending.size < WINDOW) {
    transmit(ctx, requests.queue.shift());
  }
  return request;
}

/** Asks a refused question again later. Answers false when it has been asked often enough. */
export function retryLater(ctx, request, refusal) {
  if (!refusal.retry || request.tries >= TRIES) return false;
  const { requests } = ctx.state;
  const key = `ask:${requests.next++}`;
  requests.later.set(key, { ...request, tries: request.tries + 1 });
  ctx.emit({ type: 'timer', name: key, ms: pause(ctx, refusal, request.tries) });
  return true;
}

/** The pause before a refused question or message is tried again, in ms, with jitter. */
export function pause(ctx, refusal, tries) {
  const base = Math.max(refusal.retry_after_ms ?? 0, Math.min(10_000, 250 * 2 ** tries));
  return Math.round(base * (1 + ctx.random / 2));
}

/** The timer of `retryLater` fired. */
export function retryNow(ctx, key) {
  const { requests } = ctx.state;
  const request = requests.later.get(key);
  requests.later.delete(key);
  if (request) transmit(ctx, request);
}

/** Takes back every question that has no answer: the connection is gone. */
export function abandon(ctx) {
  const { requests } = ctx.state;
  for (const key of requests.later.keys()) ctx.emit({ type: 'cancel', name: key });
  const left = [...requests.pending.values(), ...requests.queue, ...requests.later.values()];
  requests.pending.clear();
  requests.queue.length = 0;
  requests.later.clear();
  return left;
}

/** Whether a question has waited longer than `ms`. */
export function anyOlderThan(ctx, ms) {
  for (const { at } of ctx.state.requests.pending.values()) if (ctx.now - at > ms) return true;
  return false;
}
