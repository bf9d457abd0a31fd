export const load = () => ({ title: 'My account' });
