export const load = () => ({ title: 'Dead letters' });
