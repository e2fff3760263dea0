// What is pictured. Names sort by screen.
const go = (screen) => async (page) => {
  await page.getByTestId(`rail-${screen}`).click();
  await page.clock.runFor(300);
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
