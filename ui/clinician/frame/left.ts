// Where the user was, kept by the program: the page goes when the profile locks, and with it all
// that it knows. Ids and no words.
import type { UserView } from '../../shared/bindings.ts';
import { ipc } from '../../shared/ipc.ts';
import type { Trail } from './place.tsx';
import { homeOf } from './screens.ts';
import type { WorkspaceTrail } from './workspace.tsx';

/** What an open session leaves behind for its return. */
export type Left = Trail & WorkspaceTrail;

function fresh(user: UserView): Left {
  return { places: [{ screen: homeOf(user) }], panel: null, wide: false };
}

/** A trail that the program is told of whenever it changes. */
class Told implements Left {
  #left: Left;
  #due = false;

  constructor(left: Left) {
    this.#left = left;
  }

  get places(): Left['places'] {
    return this.#left.places;
  }
  set places(places) {
    this.#change({ places });
  }
  get panel(): Left['panel'] {
    return this.#left.panel;
  }
  set panel(panel) {
    this.#change({ panel });
  }
  get wide(): boolean {
    return this.#left.wide;
  }
  set wide(wide) {
    this.#change({ wide });
  }

  #change(part: Partial<Left>): void {
    this.#left = { ...this.#left, ...part };
    if (this.#due) {
      return;
    }
    this.#due = true;
    // What changes in one go is told once.
    queueMicrotask(() => {
      this.#due = false;
      ipc.keepPlace(JSON.stringify(this.#left)).catch(() => {
        // Locked in this moment: the place before this one is kept.
      });
    });
  }
}

/** Where this user was, or where a day begins. */
export async function leftBy(user: UserView): Promise<Left> {
  const kept = await ipc.keptPlace().catch(() => null);
  return new Told(kept ? (JSON.parse(kept) as Left) : fresh(user));
}
