// What is pictured. Names sort by screen.
const light = {};
const dark = { theme: 'dark' };
const empty = { empty: true };
const offline = { connection: 'offline' };
const desk = { role: 'front-desk' };
const auditor = { role: 'auditor' };
const officer = { role: 'security-officer' };
const administrator = { role: 'administrator' };
const small = { width: 640, height: 400 };
const large = { width: 2560, height: 1440 };

/** Steps one after the other, each with the time that a screen takes to follow. */
const steps =
  (...all) =>
  async (page) => {
    for (const step of all) {
      await step(page);
      await page.clock.runFor(400);
    }
  };
const click = (id) => (page) => page.getByTestId(id).first().click();
const fill = (id, text) => (page) => page.getByTestId(id).fill(text);
const scrollTo = (id) => (page) =>
  page
    .getByTestId(id)
    .first()
    .evaluate((element) => element.scrollIntoView({ block: 'start' }));
const press = (keys) => (page) => page.keyboard.press(keys);
const go = (screen) => steps(click(`rail-${screen}`));
/** Finds and runs a command of the one search. */
const run = (letters, command) =>
  steps(press('Control+k'), fill('find-query', letters), click(`find-${command}`));
const openChart = steps((page) =>
  page.locator('[data-appointment="app-0-0-11"] button').first().click(),
);
const chart = (tab) => steps(openChart, click(`chart-tab-${tab}`));
const call = steps(go('visits'), click('visit-admit'));
const register = steps(go('patients'), click('register-patient'));
const book = steps(go('schedule'), click('book'), fill('pick-patient', 'ada'));

/** Whose chart the pictures open, closed in one way or the other. */
const closed = (code) => ({ closed: { 'pat-1': code } });

/** Drags an appointment of the schedule over some points beside where it was taken. */
const drag = (points) => async (page) => {
  const from = await page.locator('[data-appointment="app-0-0-7"]').boundingBox();
  await page.mouse.move(from.x + 40, from.y + 8);
  await page.mouse.down();
  await page.clock.runFor(100);
  for (const [x, y] of await points(page, from)) {
    await page.mouse.move(x, y, { steps: 10 });
    await page.clock.runFor(100);
  }
  await page.mouse.up();
  await page.clock.runFor(600);
};

/** The drop of `schedule-drag-free` must have moved the appointment. */
async function moved(page) {
  const call = await page.evaluate(() =>
    window.fake.calls.find((one) => one.command === 'move_appointment'),
  );
  const { form } = call?.args ?? {};
  const right =
    form?.practitioner === 'prac-2' &&
    form.start === '2026-11-24T15:30:00-05:00' &&
    form.minutes === 30;
  if (!right) {
    throw new Error(`a drop must move: ${JSON.stringify(call)}`);
  }
}

/** A picture in light, the same in dark, and what else is given. */
const both = (name, setting, act) => [
  { name: `${name}-light`, setting, act },
  { name: `${name}-dark`, setting: { ...setting, ...dark }, act },
];

export const SHOTS = [
  { name: 'sign-in-first', setting: { phase: 'first-start' } },
  { name: 'sign-in-first-dark', setting: { phase: 'first-start', ...dark } },
  {
    name: 'sign-in-organisation',
    setting: { phase: 'first-start', organisation: true },
    act: click('sign-in-organisation'),
  },
  {
    name: 'sign-in-organisation-dark',
    setting: { phase: 'first-start', organisation: true, ...dark },
    act: click('sign-in-organisation'),
  },
  ...both('sign-in-browsing', { phase: 'locked', organisation: true, browsing: true }),
  {
    name: 'sign-in-again-organisation',
    setting: { connection: 'sign-in-needed', organisation: true },
    act: (page) => page.getByText('Sign in again').click(),
  },
  { name: 'sign-in-locked', setting: { phase: 'locked' } },
  { name: 'sign-in-locked-dark', setting: { phase: 'locked', profiles: 2, ...dark } },
  {
    name: 'sign-in-wrong',
    setting: { phase: 'locked' },
    act: steps(fill('unlock-password', 'wrong'), click('unlock-submit')),
  },
  ...both('sign-in-filling', { phase: 'filling' }),

  { name: 'sign-in-switch', setting: { profiles: 2 }, act: click('switch-user') },
  { name: 'sign-in-switch-dark', setting: { profiles: 2, ...dark }, act: click('switch-user') },
  {
    name: 'sign-in-notice',
    setting: {
      phase: 'locked',
      notice: {
        code: 'wiped',
        what: 'This profile was wiped by your administrator.',
        safe: 'What was not sent was sealed for your administrator before.',
        act: 'Ask your administrator.',
        field: null,
      },
    },
  },

  ...both('banner-offline', offline),
  ...both('banner-ending', {
    ...offline,
    lease: { state: 'ending', until: 'Tue 21:40', minutesLeft: 666 },
  }),
  ...both('banner-rehearsal', { ...offline, rehearsal: true }),
  { name: 'banner-rehearsal-small', setting: { rehearsal: true }, viewport: small },
  ...both('rehearsal', { ...administrator, ...offline, rehearsal: true }, go('settings')),
  {
    name: 'rehearsal-report',
    setting: { ...administrator, rehearsal: true },
    act: go('settings'),
    viewport: { width: 1280, height: 1500 },
  },
  { name: 'rehearsal-none', setting: administrator, act: go('settings') },
  {
    name: 'rehearsal-ask',
    setting: administrator,
    act: steps(go('settings'), click('rehearsal-start')),
  },
  ...both('inbox-combine', light, steps(go('inbox'), click('combine'), click('take-mine'))),
  {
    name: 'inbox-combine-small',
    setting: light,
    act: steps(go('inbox'), click('combine')),
    viewport: small,
  },
  {
    name: 'inbox-combine-large',
    setting: light,
    act: steps(go('inbox'), click('combine')),
    viewport: large,
  },

  ...both('today', light),
  ...both('today-empty', empty),
  { name: 'today-offline', setting: offline },
  { name: 'today-desk', setting: desk },
  { name: 'today-small', setting: light, viewport: small },
  { name: 'today-large', setting: light, viewport: large },
  { name: 'today-ledger-broken', setting: { ledger: 'broken' } },
  { name: 'today-ledger-broken-dark', setting: { ledger: 'broken', ...dark } },
  { name: 'today-ledger-broken-small', setting: { ledger: 'broken' }, viewport: small },
  {
    name: 'today-fault',
    setting: {
      faults: {
        today: {
          code: 'cache-corrupt',
          what: 'The records on this computer could not be read.',
          safe: 'Unsent work is kept in the same file and was not touched.',
          act: 'Lock and unlock. If it happens again, call your support before anything else.',
          field: null,
        },
      },
    },
  },
  { name: 'today-waiting', setting: { hang: ['today'] } },

  ...both('patients', light, go('patients')),
  ...both('patients-empty', empty, go('patients')),
  {
    name: 'patients-none',
    setting: light,
    act: steps(go('patients'), fill('patient-search', 'zzyzx')),
  },
  {
    name: 'patients-register',
    setting: light,
    act: steps(register, fill('patient-given', 'Ada'), fill('patient-family', 'Okafor')),
  },
  {
    name: 'patients-register-dark',
    setting: dark,
    act: steps(register, click('patient-submit')),
  },
  ...both(
    'patients-register-likely',
    light,
    steps(
      register,
      fill('patient-given', 'Ada'),
      fill('patient-family', 'Okafor'),
      fill('patient-birthDate', '1974-03-18'),
    ),
  ),
  ...both('patients-merged', light, steps(go('patients'), fill('patient-search', 'stein'))),
  ...both(
    'chart-merged',
    light,
    steps(go('patients'), fill('patient-search', 'rut '), click('merged-into')),
  ),
  ...both(
    'chart-earlier',
    { closed: { 'pat-x5': 'needs-justification' } },
    steps(go('patients'), fill('patient-search', 'ruth'), press('Enter')),
  ),
  { name: 'patients-register-small', setting: light, viewport: small, act: register },

  { name: 'chart-summary', setting: light, act: openChart },
  { name: 'chart-summary-dark', setting: { ...dark, ...offline }, act: openChart },
  ...both('chart-results', light, chart('results')),
  ...both('chart-timeline', light, chart('timeline')),
  ...both('chart-notes', light, chart('notes')),
  {
    name: 'chart-bare',
    setting: light,
    act: steps(press('Control+k'), fill('find-query', 'grace'), click('find-patient')),
  },
  {
    name: 'chart-bare-notes-dark',
    setting: dark,
    act: steps(
      press('Control+k'),
      fill('find-query', 'grace'),
      click('find-patient'),
      click('chart-tab-notes'),
    ),
  },
  {
    name: 'chart-bare-results-dark',
    setting: dark,
    act: steps(
      press('Control+k'),
      fill('find-query', 'grace'),
      click('find-patient'),
      click('chart-tab-results'),
    ),
  },
  ...both('chart-who-looked', light, chart('who-looked')),
  {
    name: 'chart-who-looked-row',
    setting: light,
    act: steps(chart('who-looked'), click('who-looked-row')),
  },
  { name: 'chart-who-looked-offline', setting: offline, act: chart('who-looked') },
  { name: 'chart-who-looked-waiting', setting: { hang: ['who_looked'] }, act: chart('who-looked') },
  ...both('chart-closed-justify', closed('needs-justification'), openChart),
  {
    name: 'chart-closed-justify-wrong',
    setting: closed('needs-justification'),
    act: steps(openChart, click('closed-open')),
  },
  ...both('chart-closed-emergency', closed('needs-emergency'), openChart),
  {
    name: 'chart-closed-emergency-offline',
    setting: { ...closed('needs-emergency'), ...offline },
    act: steps(
      openChart,
      fill('closed-reason', 'Unconscious after a fall'),
      fill('closed-password', 'wrong'),
      click('closed-open-emergency'),
    ),
  },
  {
    name: 'chart-closed-small',
    setting: closed('needs-emergency'),
    viewport: small,
    act: openChart,
  },
  ...both(
    'chart-granted',
    closed('needs-emergency'),
    steps(
      openChart,
      fill('closed-reason', 'Unconscious after a fall'),
      fill('closed-password', 'right'),
      click('closed-open-emergency'),
    ),
  ),
  { name: 'chart-note-panel', setting: light, act: steps(openChart, run('soap', 'note')) },
  { name: 'chart-note-panel-dark', setting: dark, act: steps(openChart, run('soap', 'note')) },
  {
    name: 'chart-vitals-panel',
    setting: dark,
    act: steps(chart('results'), click('chart-vitals')),
  },
  ...both(
    'chart-problem-change',
    light,
    steps(openChart, click('problem-change'), click('problem-status-resolved')),
  ),
  {
    name: 'chart-problem-panel-dark',
    setting: dark,
    act: steps(openChart, click('chart-problem'), fill('problem-text', 'di')),
  },

  ...both('schedule-day', light, go('schedule')),
  ...both('schedule-empty', empty, go('schedule')),
  { name: 'schedule-large', setting: light, viewport: large, act: go('schedule') },
  {
    name: 'schedule-week',
    setting: light,
    act: steps(go('schedule'), (page) =>
      page.getByTestId('schedule-mode').getByText('Week').click(),
    ),
  },
  {
    name: 'schedule-week-everyone',
    setting: dark,
    act: steps(
      go('schedule'),
      (page) => page.getByTestId('schedule-mode').getByText('Week').click(),
      (page) => page.getByTestId('schedule-whom').selectOption(''),
    ),
  },
  ...both('schedule-book', light, book),
  {
    name: 'schedule-clash',
    setting: dark,
    act: steps(book, click('pick-patient-option'), fill('booking-time', '11:10')),
  },
  {
    name: 'schedule-appointment',
    setting: light,
    act: steps(go('schedule'), (page) => page.locator('[data-appointment="app-0-0-7"]').click()),
  },
  {
    name: 'schedule-drag',
    setting: light,
    act: steps(
      go('schedule'),
      drag((_, from) => [
        [from.x + 200, from.y + 60],
        [from.x + 320, from.y + 140],
      ]),
    ),
  },
  {
    name: 'schedule-drag-free',
    setting: light,
    act: steps(
      go('schedule'),
      drag(async (page, from) => {
        const to = await page.locator('[data-appointment="app-0-1-11"]').boundingBox();
        return [
          [from.x + 120, from.y + 40],
          [to.x + 40, to.y + 38],
        ];
      }),
      moved,
    ),
  },

  ...both('inbox', light, go('inbox')),
  ...both('inbox-pair', light, steps(go('inbox'), scrollTo('pair'))),
  ...both('inbox-pair-merge', light, steps(go('inbox'), click('same-person'), scrollTo('pair'))),
  {
    name: 'inbox-pair-merge-small',
    setting: light,
    viewport: small,
    act: steps(go('inbox'), click('same-person'), scrollTo('pair')),
  },
  ...both('inbox-empty', empty, go('inbox')),
  { name: 'inbox-give-up', setting: light, act: steps(go('inbox'), click('give-up')) },

  ...both('audit', auditor),
  ...both('audit-empty', { ...auditor, ...empty }),
  { name: 'audit-offline', setting: { ...auditor, ...offline } },
  { name: 'audit-waiting', setting: { ...auditor, hang: ['access_report'] } },
  { name: 'audit-small', setting: auditor, viewport: small },
  { name: 'audit-large', setting: auditor, viewport: large },
  { name: 'audit-row', setting: auditor, act: click('audit-row') },
  {
    name: 'audit-sorted-dark',
    setting: { ...auditor, ...dark },
    act: steps(
      (page) => page.getByTestId('audit-period').selectOption('six'),
      click('sort-patient'),
    ),
  },
  {
    name: 'audit-own-period',
    setting: auditor,
    act: steps(
      (page) => page.getByTestId('audit-period').selectOption('own'),
      fill('audit-from', '2026-11-24'),
      fill('audit-until', '2026-11-23'),
      (page) => page.getByTestId('audit-user').focus(),
    ),
  },
  {
    name: 'audit-hours',
    setting: auditor,
    act: steps((page) => page.getByTestId('audit-period').selectOption('day')),
  },
  {
    name: 'audit-exported',
    setting: auditor,
    act: click('export-csv'),
  },

  ...both('visits', { visit: 'waiting' }, go('visits')),
  ...both('visit-call', { visit: 'waiting' }, call),
  ...both('visit-share', { visit: 'waiting' }, steps(call, click('visit-share'))),
  ...both(
    'visit-shown',
    { visit: 'waiting' },
    steps(call, click('visit-share'), click('visit-share-source')),
  ),
  ...both(
    'visit-shown-dock',
    { visit: 'waiting' },
    steps(call, click('visit-share'), click('visit-share-source'), click('chart-vitals')),
  ),
  ...both('visits-guests', { visit: 'waiting', guests: ['waiting', 'invited'] }, go('visits')),
  ...both(
    'visit-guests-before',
    { visit: 'waiting', guests: ['waiting', 'invited'] },
    steps(go('visits'), click('visit-open')),
  ),
  ...both('visit-guests', { visit: 'waiting', guests: ['talking', 'talking', 'waiting'] }, call),
  ...both(
    'visit-guests-lower',
    { visit: 'waiting', guests: ['talking', 'interrupted', 'waiting'] },
    steps(call, scrollTo('guests')),
  ),
  ...both(
    'visit-guests-dismiss',
    { visit: 'waiting', guests: ['waiting'] },
    steps(call, click('guest-dismiss')),
  ),
  ...both(
    'visit-guests-dock',
    { visit: 'waiting', guests: ['talking', 'talking', 'waiting'] },
    steps(call, click('chart-vitals')),
  ),
  ...both('visit-invite', { visit: 'waiting' }, steps(call, click('guest-invite'))),
  ...both(
    'visit-invited',
    { visit: 'waiting', guests: ['talking', 'waiting'] },
    steps(
      call,
      click('guest-invite'),
      click('guest-kind'),
      (page) => page.getByRole('option', { name: 'Clinician or carer' }).click(),
      click('guest-agreed'),
      click('guest-link-make'),
    ),
  ),
  ...both('visit-headset-pulled', { visit: 'headset-pulled' }, call),

  ...both('reviews', officer, go('reviews')),
  { name: 'reviews-empty', setting: { ...officer, ...empty }, act: go('reviews') },
  { name: 'reviews-offline', setting: { ...officer, ...offline }, act: go('reviews') },
  {
    name: 'reviews-closed',
    setting: officer,
    act: steps(
      go('reviews'),
      (page) => page.getByTestId('reviews-which').getByText('Closed').click(),
      click('review-row'),
    ),
  },
  {
    name: 'reviews-panel',
    setting: officer,
    act: steps(go('reviews'), click('review-row'), click('review-submit')),
  },
  {
    name: 'reviews-panel-dark',
    setting: { ...officer, ...dark, ledger: 'broken' },
    act: steps(go('reviews'), click('review-row')),
  },

  ...both('activity', light, go('activity')),
  { name: 'activity-offline-dark', setting: { ...dark, ...offline }, act: go('activity') },
  { name: 'activity-empty', setting: empty, act: go('activity') },
  ...both('settings', light, go('settings')),
  { name: 'settings-ledger-broken', setting: { ledger: 'broken' }, act: go('settings') },

  {
    name: 'find-light',
    setting: light,
    act: steps(press('Control+k'), fill('find-query', 'ad')),
  },
  { name: 'find-dark', setting: dark, act: press('Control+k') },
  ...both('keys', light, press('?')),
];
