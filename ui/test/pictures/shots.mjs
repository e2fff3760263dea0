// What is pictured. Names sort by screen.
const go = (screen) => async (page) => {
  await page.getByTestId(`rail-${screen}`).click();
  await page.clock.runFor(300);
};
const chart = (tab) => async (page) => {
  await page.locator('[data-appointment="app-0-0-11"] button').first().click();
  await page.clock.runFor(600);
  await page.getByRole('tab', { name: new RegExp(tab, 'i') }).click();
  await page.clock.runFor(400);
};
const light = {};
const dark = { theme: 'dark' };
const empty = { empty: true };
const offline = { connection: 'offline' };

export const SHOTS = [
  { name: 'sign-in-first', setting: { phase: 'first-start' } },
  { name: 'sign-in-locked', setting: { phase: 'locked' } },
  { name: 'sign-in-locked-dark', setting: { phase: 'locked', profiles: 2, theme: 'dark' } },
  {
    name: 'sign-in-wrong',
    setting: { phase: 'locked' },
    act: async (page) => {
      await page.getByTestId('unlock-password').fill('wrong');
      await page.getByTestId('unlock-submit').click();
    },
  },
  { name: 'sign-in-filling', setting: { phase: 'filling' } },
  { name: 'today-light', setting: light },
  { name: 'today-dark', setting: dark },
  { name: 'today-empty', setting: empty },
  { name: 'today-offline', setting: offline },
  { name: 'today-desk', setting: { role: 'front-desk' } },
  { name: 'patients-light', setting: light, act: go('patients') },
  { name: 'patients-dark', setting: dark, act: go('patients') },
  { name: 'patients-empty', setting: empty, act: go('patients') },
  {
    name: 'patients-none',
    setting: light,
    act: async (page) => {
      await go('patients')(page);
      await page.getByTestId('patient-search').fill('zzyzx');
    },
  },
  {
    name: 'patients-register',
    setting: light,
    act: async (page) => {
      await go('patients')(page);
      await page.getByTestId('register-patient').click();
      await page.clock.runFor(200);
      await page.getByTestId('patient-given').fill('Ada');
      await page.getByTestId('patient-family').fill('Okafor');
    },
  },
  {
    name: 'patients-register-dark',
    setting: dark,
    act: async (page) => {
      await go('patients')(page);
      await page.getByTestId('register-patient').click();
      await page.clock.runFor(200);
      await page.getByTestId('patient-submit').click();
    },
  },
  { name: 'chart-summary', setting: light, act: chart('summary') },
  { name: 'chart-summary-dark', setting: { ...dark, ...offline }, act: chart('summary') },
  { name: 'chart-results', setting: light, act: chart('results') },
  { name: 'chart-timeline', setting: light, act: chart('timeline') },
  { name: 'chart-notes', setting: light, act: chart('notes') },
  {
    name: 'chart-note-panel',
    setting: light,
    act: async (page) => {
      await chart('summary')(page);
      await page.keyboard.press('Control+k');
      await page.clock.runFor(200);
      await page.getByTestId('find-query').fill('soap');
      await page.clock.runFor(300);
      await page.getByTestId('find-note').click();
      await page.clock.runFor(400);
    },
  },
  {
    name: 'chart-vitals-panel',
    setting: dark,
    act: async (page) => {
      await chart('results')(page);
      await page.keyboard.press('Control+k');
      await page.clock.runFor(200);
      await page.getByTestId('find-query').fill('vitals');
      await page.clock.runFor(300);
      await page.getByTestId('find-vitals').click();
      await page.clock.runFor(400);
    },
  },
  { name: 'small-today', setting: light, viewport: { width: 640, height: 400 } },
  {
    name: 'small-register',
    setting: light,
    viewport: { width: 640, height: 400 },
    act: async (page) => {
      await go('patients')(page);
      await page.getByTestId('register-patient').click();
      await page.clock.runFor(200);
    },
  },
  { name: 'large-today', setting: light, viewport: { width: 2560, height: 1440 } },
  {
    name: 'large-schedule',
    setting: light,
    viewport: { width: 2560, height: 1440 },
    act: go('schedule'),
  },
  { name: 'schedule-day', setting: light, act: go('schedule') },
  { name: 'schedule-day-dark', setting: dark, act: go('schedule') },
  { name: 'schedule-empty', setting: empty, act: go('schedule') },
  {
    name: 'schedule-week',
    setting: light,
    act: async (page) => {
      await go('schedule')(page);
      await page.getByTestId('schedule-mode').getByText('Week').click();
      await page.clock.runFor(300);
    },
  },
  {
    name: 'schedule-week-everyone',
    setting: light,
    act: async (page) => {
      await go('schedule')(page);
      await page.getByTestId('schedule-mode').getByText('Week').click();
      await page.getByTestId('schedule-whom').selectOption('');
      await page.clock.runFor(300);
    },
  },
  {
    name: 'schedule-book',
    setting: light,
    act: async (page) => {
      await go('schedule')(page);
      await page.getByTestId('book').click();
      await page.clock.runFor(300);
      await page.getByTestId('pick-patient').fill('ada');
      await page.clock.runFor(300);
    },
  },
  {
    name: 'schedule-clash',
    setting: dark,
    act: async (page) => {
      await go('schedule')(page);
      await page.getByTestId('book').click();
      await page.clock.runFor(300);
      await page.getByTestId('pick-patient').fill('ada');
      await page.clock.runFor(300);
      await page.getByTestId('pick-patient-option').first().click();
      await page.getByTestId('booking-time').fill('11:10');
    },
  },
  {
    name: 'schedule-appointment',
    setting: light,
    act: async (page) => {
      await go('schedule')(page);
      await page.locator('[data-appointment="app-0-0-7"]').click();
      await page.clock.runFor(300);
    },
  },
  {
    name: 'schedule-drag',
    setting: light,
    act: async (page) => {
      await go('schedule')(page);
      const from = await page.locator('[data-appointment="app-0-0-7"]').boundingBox();
      await page.mouse.move(from.x + 40, from.y + 8);
      await page.mouse.down();
      await page.clock.runFor(100);
      await page.mouse.move(from.x + 200, from.y + 60, { steps: 8 });
      await page.clock.runFor(100);
      await page.mouse.move(from.x + 320, from.y + 140, { steps: 8 });
      await page.clock.runFor(100);
      await page.mouse.up();
      await page.clock.runFor(600);
    },
  },
  { name: 'inbox-light', setting: light, act: go('inbox') },
  { name: 'inbox-dark', setting: dark, act: go('inbox') },
  { name: 'inbox-empty', setting: empty, act: go('inbox') },
  {
    name: 'inbox-give-up',
    setting: light,
    act: async (page) => {
      await go('inbox')(page);
      await page.getByTestId('give-up').click();
    },
  },
  { name: 'activity-light', setting: light, act: go('activity') },
  { name: 'activity-offline-dark', setting: { ...dark, ...offline }, act: go('activity') },
  { name: 'activity-empty', setting: empty, act: go('activity') },
  { name: 'settings-light', setting: light, act: go('settings') },
  { name: 'settings-dark', setting: dark, act: go('settings') },
  {
    name: 'fault-today',
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
  { name: 'waiting-today', setting: { hang: ['today'] } },
  {
    name: 'schedule-drag-free',
    setting: light,
    act: async (page) => {
      await go('schedule')(page);
      const from = await page.locator('[data-appointment="app-0-0-7"]').boundingBox();
      const to = await page.locator('[data-appointment="app-0-1-11"]').boundingBox();
      await page.mouse.move(from.x + 40, from.y + 8);
      await page.mouse.down();
      await page.clock.runFor(100);
      await page.mouse.move(from.x + 120, from.y + 40, { steps: 8 });
      await page.clock.runFor(100);
      await page.mouse.move(to.x + 40, to.y + 38, { steps: 12 });
      await page.clock.runFor(100);
      await page.mouse.up();
      await page.clock.runFor(600);
      const moved = await page.evaluate(() =>
        window.fake.calls.find((call) => call.command === 'move_appointment'),
      );
      const { form } = moved?.args ?? {};
      const right =
        form?.practitioner === 'prac-2' &&
        form.start === '2026-11-24T15:30:00-05:00' &&
        form.minutes === 30;
      if (!right) {
        throw new Error(`a drop must move: ${JSON.stringify(moved)}`);
      }
    },
  },
  {
    name: 'find-light',
    setting: light,
    act: async (page) => {
      await page.keyboard.press('Control+k');
      await page.clock.runFor(200);
      await page.getByTestId('find-query').fill('ad');
    },
  },
  {
    name: 'find-dark',
    setting: dark,
    act: async (page) => {
      await page.keyboard.press('Control+k');
    },
  },
  {
    name: 'keys',
    setting: light,
    act: async (page) => {
      await page.keyboard.press('?');
    },
  },
];
