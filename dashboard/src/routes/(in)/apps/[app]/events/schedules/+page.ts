export const load = () => ({ title: 'Schedules' });
