export const load = () => ({ title: 'Users' });
