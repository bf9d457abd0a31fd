export const load = () => ({ title: 'Audit log' });
