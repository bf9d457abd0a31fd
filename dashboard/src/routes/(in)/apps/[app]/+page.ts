export const load = () => ({ title: 'Overview' });
