"""The controls of an account as compiled classes of plain numbers, made from the models that people configure."""
