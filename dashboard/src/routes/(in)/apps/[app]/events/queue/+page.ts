export const load = () => ({ title: 'Queue' });
