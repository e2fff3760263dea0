// What is in sight during a call: the picture in its own shape, what the clinician shows, and
// who else is there. The clinician's computer sends one picture with everybody in it.
import { type Companion, companyWords, pictureWords, SHARING } from './words.ts';

const CAMERA = 16 / 9;

/** What the page knows of the call beside picture and sound. */
export interface Stage {
  /** Says and shows who else is in the call. */
  readonly company: (others: readonly Companion[]) => void;
  /** Says and shows that the picture is what the clinician shows. */
  readonly sharing: (on: boolean) => void;
  /** Nothing of one call is taken for true in the next. */
  readonly clear: () => void;
}

/** Changes the words only where they are others: screen readers say each change. */
function tell(line: Element, nodes: readonly (string | Node)[]): void {
  const before = document.createElement('p');
  before.append(...nodes);
  if (line.innerHTML !== before.innerHTML) {
    line.replaceChildren(...before.childNodes);
  }
}

/** Takes hold of the parts of the page. `guest` tells whether the page is a guest's. */
export function stageOf(
  theirs: HTMLVideoElement,
  companyLine: Element,
  sharingLine: Element,
  guest: () => boolean,
): Stage {
  let others: readonly Companion[] = [];
  let shows = false;
  const draw = () => {
    document.body.classList.toggle('sharing', shows);
    document.body.classList.toggle('company', others.length > 0);
    theirs.setAttribute('aria-label', pictureWords(guest(), shows, others.length > 0));
    tell(sharingLine, shows ? [SHARING] : []);
    tell(
      companyLine,
      companyWords(guest(), others).map((part) => {
        if (typeof part === 'string') {
          return part;
        }
        // What somebody typed: text and nothing else, in a direction of its own.
        const name = document.createElement('bdi');
        name.textContent = part.name;
        return name;
      }),
    );
  };
  const shape = (ratio: number) =>
    theirs.parentElement?.style.setProperty('--shape', ratio.toFixed(4));
  const came = () => {
    if (theirs.videoWidth > 0 && theirs.videoHeight > 0) {
      shape(theirs.videoWidth / theirs.videoHeight);
    }
  };
  theirs.addEventListener('loadedmetadata', came);
  theirs.addEventListener('resize', came);
  return {
    company: (now) => {
      others = now;
      draw();
    },
    sharing: (on) => {
      shows = on;
      draw();
    },
    clear: () => {
      others = [];
      shows = false;
      shape(CAMERA);
      draw();
    },
  };
}
