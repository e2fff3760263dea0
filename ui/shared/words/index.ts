// Texts by key, typed: a key that is not in the catalogue does not compile.
import i18next from 'i18next';
import { initReactI18next } from 'react-i18next';
import { en } from './en.ts';

declare module 'i18next' {
  interface CustomTypeOptions {
    defaultNS: 'words';
    resources: { words: typeof en };
  }
}

/** Makes the catalogue ready; called once before the first screen is drawn. */
export function prepareWords(): void {
  if (i18next.isInitialized) {
    return;
  }
  void i18next.use(initReactI18next).init({
    lng: 'en',
    fallbackLng: 'en',
    defaultNS: 'words',
    ns: ['words'],
    resources: { en: { words: en } },
    // React escapes what it draws.
    interpolation: { escapeValue: false },
    initAsync: false,
  });
}

export { useTranslation as useWords } from 'react-i18next';
