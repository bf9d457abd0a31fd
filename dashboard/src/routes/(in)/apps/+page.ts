export const load = () => ({ title: 'Apps' });
