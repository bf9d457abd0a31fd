export const load = () => ({ title: 'Keys' });
