export const load = () => ({ title: 'Configuration' });
