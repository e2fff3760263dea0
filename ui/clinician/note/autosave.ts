// Keeps a draft while it is typed: at every pause, at the latest every two seconds, one call at
// a time, in order. What is on the screen and what is kept are told apart at all times.
import type { DraftForm, DraftView, Fault } from '../../shared/bindings.ts';
import { faultOf } from '../../shared/ipc.ts';

/** A pause of typing, and the longest time that typing goes unkept (row W8). */
const PAUSE = 400;
const LONGEST = 1500;

/** Where the draft stands. */
export interface Keeping {
  readonly state: 'kept' | 'waiting' | 'keeping' | 'failed';
  readonly keptAt: string | null;
  readonly fault: Fault | null;
}

/** The four sections. */
export type Sections = Pick<DraftForm, 'subjective' | 'objective' | 'assessment' | 'plan'>;

/** Keeps one draft. */
export class Autosave {
  #id: string | null;
  #wanted: Sections | null = null;
  #keeping: Promise<void> | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #since = 0;
  #keptAt: string | null;
  #ended = false;

  constructor(
    private readonly patient: string,
    private readonly keep: (form: DraftForm) => Promise<DraftView>,
    private readonly tell: (keeping: Keeping) => void,
    draft: DraftView | null,
  ) {
    this.#id = draft?.id ?? null;
    this.#keptAt = draft?.keptAt ?? null;
  }

  /** Id of the draft, once it was kept. */
  get id(): string | null {
    return this.#id;
  }

  /** Takes what was typed. */
  typed(sections: Sections): void {
    if (this.#ended) {
      return;
    }
    this.#wanted = sections;
    this.#say('waiting', null);
    const now = Date.now();
    this.#since ||= now;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => void this.#run(),
      Math.max(0, Math.min(PAUSE, this.#since + LONGEST - now)),
    );
  }

  /** Keeps now what is not kept yet. Rejects with nothing: a failure is told, not thrown. */
  async flush(): Promise<boolean> {
    clearTimeout(this.#timer);
    await this.#keeping;
    await this.#run();
    return this.#wanted === null;
  }

  /** Nothing is kept from here on: the draft was signed or discarded. */
  end(): void {
    this.#ended = true;
    this.#wanted = null;
    clearTimeout(this.#timer);
  }

  async #run(): Promise<void> {
    if (this.#keeping) {
      return this.#keeping;
    }
    if (this.#wanted === null || this.#ended) {
      return;
    }
    const sections = this.#wanted;
    this.#since = 0;
    this.#say('keeping', null);
    this.#keeping = this.keep({ id: this.#id, patient: this.patient, ...sections })
      .then((view) => {
        this.#id = view.id;
        this.#keptAt = view.keptAt;
        if (this.#wanted === sections) {
          this.#wanted = null;
          this.#say('kept', null);
        }
      })
      .catch((error: unknown) => this.#say('failed', faultOf(error)))
      .finally(() => {
        this.#keeping = null;
      });
    await this.#keeping;
    // What was typed meanwhile has a timer of its own.
  }

  #say(state: Keeping['state'], fault: Fault | null): void {
    if (!this.#ended) {
      this.tell({ state, keptAt: this.#keptAt, fault });
    }
  }
}
