// Small helpers for the document. Text only ever enters it as text, never as markup.

/** The element with an id; the page's skeleton has them all. */
export const $ = (id) => document.getElementById(id);

/** Makes an element with a class, text and data attributes. */
export function el(tag, { className = '', text = '', data = {}, ...properties } = {}, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text) node.textContent = text;
  Object.assign(node.dataset, data);
  Object.assign(node, properties);
  node.append(...children);
  return node;
}

/**
 * Makes the children of `parent` show `rows` in order, touching only what changed. Each row is
 * `{key, sign}`: the same key keeps its node, the same sign leaves the node as it is.
 */
export function reconcile(parent, rows, make, update) {
  const old = new Map([...parent.children].map((node) => [node.rowKey, node]));
  let place = parent.firstElementChild;
  for (const row of rows) {
    let node = old.get(row.key);
    if (node) {
      old.delete(row.key);
    } else {
      node = make(row);
      node.rowKey = row.key;
    }
    if (node.rowSign !== row.sign) {
      update(node, row);
      node.rowSign = row.sign;
    }
    if (node === place) place = place.nextElementSibling;
    else parent.insertBefore(node, place);
  }
  for (const node of old.values()) node.remove();
}

/** A disc with the first letter of a name, in a colour that stays with the name. */
export function disc(name, group) {
  let hue = 0;
  for (const letter of name) hue = (hue * 31 + letter.codePointAt(0)) % 360;
  const node = el('span', { className: group ? 'disc group' : 'disc', ariaHidden: 'true' });
  node.append([...name][0] ?? '?');
  node.style.setProperty('--hue', String(hue));
  return node;
}

/** Sets a text only when it differs, so that a live region is not read out again. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** The time of day. */
export const clock = (time) => new Date(time).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });

/** The day, in words. */
export function day(time, now = new Date()) {
  const date = new Date(time);
  const start = (d) => new Date(d.getFullYear(), d.getMonth(), d.getDate()).getTime();
  const days = Math.round((start(now) - start(date)) / 86_400_000);
  if (days === 0) return 'Today';
  if (days === 1) return 'Yesterday';
  return date.toLocaleDateString([], { day: 'numeric', month: 'long', year: 'numeric' });
}
