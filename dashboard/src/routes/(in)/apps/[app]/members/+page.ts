export const load = () => ({ title: 'Members' });
