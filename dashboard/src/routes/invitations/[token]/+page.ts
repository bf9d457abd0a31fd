export const load = ({ params }: { params: { token: string } }) => ({ title: 'Invitation', token: params.token });
