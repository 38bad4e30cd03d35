// The two HTTP calls of the page.

/** A refusal by the server (`refused`), or no answer from it. */
export class ApiError extends Error {
  constructor(message, refused) {
    super(message);
    this.refused = refused;
  }
}

async function call(path, options) {
  let response;
  try {
    response = await fetch(path, { cache: 'no-store', ...options });
  } catch {
    throw new ApiError('The server cannot be reached. Is it running?', false);
  }
  const body = await response.json().catch(() => null);
  if (response.ok && body) return body;
  const refused = response.status >= 400 && response.status < 500 && response.status !== 429;
  throw new ApiError(body?.message ?? reason(response.status), refused);
}

function reason(status) {
  if (status === 404) return 'This server does not offer sign-in by name.';
  if (status === 429) return 'Too many tries. Please wait a moment.';
  if (status < 500) return 'This name cannot be used. Letters, digits, dots and dashes work.';
  return 'The server has a problem. Please try again in a moment.';
}

/** What server this is and how to sign in. */
export const info = () => call('/v1/info');

/** Signs in by name: `{token, user, expires}` with `expires` in ms since 1970. */
export async function signIn(name) {
  const session = await call('/v1/session', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name }),
  });
  return { ...session, expires: Date.parse(session.expires) || 0 };
}

/** When a token ends (ms since 1970), read from its middle part; 0 when it does not say. */
export function tokenEnd(token) {
  try {
    const part = token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/');
    return (JSON.parse(atob(part)).exp ?? 0) * 1000;
  } catch {
    return 0;
  }
}
