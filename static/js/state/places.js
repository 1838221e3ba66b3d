//! Places in line outlive a reload: the page notes them as it goes away, and the next one in this tab asks the same again.
//! The server gives that the age of the place that was lost, for half a minute and where its ticket was not given up.

/** @typedef {import('./library.js').Library} Library */
/** `of`: the answer beside which the new one stands. @typedef {{id: string, of: string, model: string, goesOn: boolean}} Place */

const KEY = 'sluice.2.places';
const KEPT_MS = 30_000;

let keeping = false;

/**
 * From now on the page that goes away notes for what it stands in line. Browsers may break its streams off before they say
 * `pagehide`: what counts is what stood in line when they asked whether it may go.
 * @param {Library} library
 */
export function keepPlaces(library) {
  if (keeping) return;
  keeping = true;
  /** @type {ReturnType<typeof waiting>} */
  let stood = [];
  window.addEventListener('beforeunload', () => (stood = waiting(library)));
  window.addEventListener('pagehide', () => {
    const lost = stood.filter(({ turn }) => turn.state === 'error');
    const places = [...lost, ...waiting(library)].map(({ place }) => place);
    write(places.length > 0 ? JSON.stringify({ at: Date.now(), places }) : '');
  });
}

/** Asks again for what the page before this one stood in line. @param {Library} library */
export async function takeUpPlaces(library) {
  const noted = read();
  write('');
  if (!noted || Date.now() - noted.at > KEPT_MS) return;
  for (const { id, of, model, goesOn } of noted.places) {
    const conversation = await library.open(id);
    const message = conversation?.message(of);
    if (!conversation || !message || message.removed) continue;
    if (goesOn) conversation.resume(of);
    else conversation.again(of, model);
  }
}

/** @param {Library} library */
function waiting({ busy }) {
  return busy.flatMap(({ id, attempt, turn }) => {
    if (!attempt || turn?.state !== 'queued') return [];
    const { taken, answer, of, kind } = attempt;
    return [{ turn, place: { id, of: taken ? answer.id : of, model: answer.model ?? '', goesOn: kind === 'resume' } }];
  });
}

/** @returns {{at: number, places: Place[]} | null} */
function read() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? 'null');
  } catch {
    return null;
  }
}

/** @param {string} text */
function write(text) {
  try {
    if (text) sessionStorage.setItem(KEY, text);
    else sessionStorage.removeItem(KEY);
  } catch {
    // Without storage a place does not outlive its page.
  }
}
