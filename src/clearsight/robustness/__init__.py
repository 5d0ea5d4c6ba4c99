"""What breaks a trained network: its pictures damaged, attacked, or unlike those it was trained on."""
