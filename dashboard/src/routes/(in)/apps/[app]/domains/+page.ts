export const load = () => ({ title: 'Domains' });
