export const load = () => ({ title: 'Releases' });
