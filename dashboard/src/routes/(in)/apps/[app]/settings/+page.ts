export const load = () => ({ title: 'Settings' });
