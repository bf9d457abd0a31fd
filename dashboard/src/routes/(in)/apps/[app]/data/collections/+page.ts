export const load = () => ({ title: 'Collections' });
