// An appointment inside the calendar, as elements: text is set as text, never as markup.

/** What is written on an appointment. */
export interface Described {
  readonly id: string;
  readonly time: string;
  readonly name: string;
  readonly reason: string;
  /** Long enough for a second line. */
  readonly tall: boolean;
  /** State and standing in words, for who does not see the border. */
  readonly state: string;
  /** `requested`, `warns` or nothing. */
  readonly mark: 'requested' | 'warns' | null;
}

function span(className: string, text: string): HTMLElement {
  const element = document.createElement('span');
  element.className = className;
  element.textContent = text;
  return element;
}

/** The elements of one appointment. */
export function drawEvent(described: Described): Node[] {
  const box = document.createElement('div');
  box.className = 'r-event';
  box.dataset.testid = 'schedule-event';
  box.dataset.appointment = described.id;
  const first = document.createElement('div');
  first.className = 'r-event-first';
  const time = document.createElement('time');
  time.textContent = described.time;
  const name = document.createElement('bdi');
  name.textContent = described.name;
  first.append(time, name);
  if (described.mark === 'warns') {
    first.prepend(span('r-event-warns', '▲'));
  }
  box.append(first);
  if (described.reason !== '') {
    (described.tall ? box : first).append(span('r-event-reason', described.reason));
  }
  box.append(span('unseen', described.state));
  return [box];
}
