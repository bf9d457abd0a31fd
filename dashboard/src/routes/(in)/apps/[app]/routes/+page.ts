export const load = () => ({ title: 'Routes' });
