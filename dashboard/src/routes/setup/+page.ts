export const load = () => ({ title: 'Setup' });
