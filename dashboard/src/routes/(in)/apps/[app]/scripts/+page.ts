export const load = () => ({ title: 'Scripts' });
